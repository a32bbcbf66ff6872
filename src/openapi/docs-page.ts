import { createHash } from 'node:crypto';
import type { OpenApiContent, OpenApiDocument, OpenApiOperation } from './document.js';
import { DOCS_STYLE } from './docs-style.js';
import { Html, html } from './html.js';

/** What the page shows of a schema. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly description?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly [limit: string]: unknown;
}

/** In one piece, for its hash is taken of every character. */
const STYLE = new Html(`<style>${DOCS_STYLE}</style>`);
const STYLE_HASH = createHash('sha256').update(DOCS_STYLE).digest('base64');

/** The page runs nothing, loads nothing, and has only its own style. */
export const DOCS_PAGE_CSP = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** A document as one page of HTML. */
export function docsPage({ info, paths, components }: OpenApiDocument): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
  const schemas = Object.entries(components.schemas);
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${info.title}</title>
        ${STYLE}
      </head>
      <body>
        <header>
          <h1>${info.title} <small>${info.version}</small></h1>
          <p>${inline(info.description ?? '')}</p>
          <p><a href="openapi.json">openapi.json</a></p>
        </header>
        <nav>
          <ul>
            ${operations.map(
              ({ method, path, operation }) =>
                html`<li>
                  <a href="#${operation.operationId}">${route(method, path)}</a>
                  ${operation.summary}
                </li>`,
            )}
          </ul>
        </nav>
        <main>
          ${operations.map(({ method, path, operation }) => section(method, path, operation))}
          ${schemas.map(([name, schema]) => model(name, schema))}
        </main>
      </body>
    </html>`;
  return page.text;
}

function section(method: string, path: string, operation: OpenApiOperation): Html {
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation;
  return html`<section>
    <h2 id="${operationId}">${route(method, path)}</h2>
    <p>${inline(summary)}. ${inline(description ?? '')}</p>
    ${table(
      'Parameters',
      parameters.map((parameter) => [
        html`<code>${parameter.name}</code><small>in the ${parameter.in}</small>`,
        html`${inline(parameter.description)} <small>${typeOf(parameter.schema as Schema)}</small>`,
      ]),
    )}
    ${table('Body', requestBody ? contents(requestBody.content) : [])}
    ${table(
      'Answers',
      Object.entries(responses).map(([status, { description, content = {} }]) => [
        html`<code>${status}</code>`,
        html`${inline(description)}
          <small>${contents(content).map(([type, of]) => html`${type}: ${of} `)}</small>`,
      ]),
    )}
  </section>`;
}

function model(name: string, schema: Schema): Html {
  const { required = [], properties = {} } = schema;
  return html`<section>
    <h2 id="${name}">${name}</h2>
    ${table(
      'Fields',
      Object.entries(properties).map(([field, about]) => [
        html`<code>${field}</code>${required.includes(field) ? html`<small>required</small>` : ''}`,
        html`${inline(about.description ?? '')} <small>${typeOf(about)}</small>`,
      ]),
    )}
  </section>`;
}

const route = (method: string, path: string): Html =>
  html`<b>${method.toUpperCase()}</b> <code>${path}</code>`;

const table = (title: string, rows: readonly (readonly Html[])[]): Html | undefined =>
  rows.length === 0
    ? undefined
    : html`<h3>${title}</h3>
        <table>
          ${rows.map(
            (cells) =>
              html`<tr>
                ${cells.map((cell) => html`<td>${cell}</td>`)}
              </tr>`,
          )}
        </table>`;

const contents = (content: OpenApiContent): Html[][] =>
  Object.entries(content).map(([type, { schema }]) => [html`<code>${type}</code>`, typeOf(schema)]);

/** What values a schema allows, in words. */
function typeOf(schema: Schema): Html {
  const { $ref, type, items, enum: values, format, oneOf, anyOf } = schema;
  // That what is optional may also be null, the page says once.
  const either = (oneOf ?? anyOf)?.filter(({ type }) => type !== 'null');
  if ($ref !== undefined) {
    const name = $ref.split('/').at(-1)!;
    return html`<a href="#${name}">${name}</a>`;
  }
  if (either) {
    return html`${either.map((one, i) => html`${i > 0 ? ' or ' : ''}${typeOf(one)}`)}`;
  }
  if (values) return html`one of <code>${values.join(', ')}</code>`;
  if (items) return html`list of ${typeOf(items)}`;
  const limits = ['default', 'minimum', 'maximum', 'minLength']
    .filter((name) => schema[name] !== undefined)
    .map((name) => `, ${name} ${JSON.stringify(schema[name])}`);
  return html`${type ?? 'anything'}${format === undefined ? '' : ` (${format})`}${limits}`;
}

/** Text with `code` in it. */
const inline = (text: string): Html =>
  html`${text.split('`').map((part, i) => (i % 2 ? html`<code>${part}</code>` : part))}`;
