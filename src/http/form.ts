import { RunnerError } from '../errors/runner.error.js';

/** The most fields of a form. Carriers send some forty. */
export const MAX_FORM_FIELDS = 1_000;

/**
 * Parses a form (`application/x-www-form-urlencoded`) into its fields, in order.
 * @throws {RunnerError} `TOO_LARGE` for more than {@link MAX_FORM_FIELDS}
 */
export function parseForm(form: string): [name: string, value: string][] {
  refuseManyFields(form);
  // The leading separator keeps a question mark at the start of a name. Node decodes plus signs slowly.
  return [...new URLSearchParams(`&${form.split('+').join(' ')}`)];
}

/** Counts before parsing, since each field costs more than its characters. */
function refuseManyFields(form: string): void {
  let fields = 1;
  for (let at = form.indexOf('&'); at !== -1; at = form.indexOf('&', at + 1)) {
    if (++fields > MAX_FORM_FIELDS) {
      throw new RunnerError(
        'TOO_LARGE',
        `Forms of more than ${MAX_FORM_FIELDS} fields are refused.`,
      );
    }
  }
}
