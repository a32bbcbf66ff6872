/** Markup, in which everything that was not markup before is escaped. */
export class Html {
  constructor(readonly text: string) {}
}

/** Markup with values in it: text, markup, or a list of them; `undefined` is nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(String.raw({ raw: parts }, ...values.map(markup)));
}

/** What {@link html} takes. */
export type HtmlValue = Html | string | undefined | readonly HtmlValue[];

function markup(value: HtmlValue): string {
  if (value instanceof Html) return value.text;
  if (value === undefined) return '';
  if (typeof value !== 'string') return value.map(markup).join('');
  return value.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
