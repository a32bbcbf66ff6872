import { type InvalidField, InvalidFieldsError } from '../validation/invalid-fields.error.js';
import { validateInto } from '../validation/validate-into.js';
import { CallData } from './call-data.js';
import { liveFieldOf } from './live-field.decorator.js';
import { RunnerArguments } from './runner-arguments.js';
import { wireClassNamed } from './wire-classes.js';

/**
 * Rebuilds runner arguments from what their `toJSON()` gave, in the class they had.
 *
 * @throws {InvalidFieldsError} when a field is wrong, `type` names no class of runner arguments, or the class has a
 * live field and so exists only in the process that made it
 */
export function runnerArgumentsFromJSON(value: unknown): RunnerArguments {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid('', 'Runner arguments must be a JSON object.');
  }
  const { type, call_data_type, call_data, ...fields } = value as Record<string, unknown>;
  const cls = wireClassNamed(type);
  if (!cls || !isOrExtends(cls, RunnerArguments)) {
    throw invalid(
      'type',
      'type must name a class of runner arguments, such as DailyRunnerArguments',
    );
  }
  const live = liveFieldOf(cls);
  if (live !== undefined) {
    throw invalid(
      'type',
      `${String(type)} cannot come from JSON: its ${live} lives only in the process that made it`,
    );
  }
  const args = validateInto(cls as new () => RunnerArguments, fields);
  if (call_data !== undefined && call_data !== null) {
    const callDataClass = wireClassNamed(call_data_type ?? 'CallData');
    if (!callDataClass || !isOrExtends(callDataClass, CallData)) {
      throw invalid(
        'call_data_type',
        'call_data_type must name a class of call data, such as CallData',
      );
    }
    args.call_data = nested('call_data', () =>
      validateInto(callDataClass as new () => CallData, call_data),
    );
  }
  return args;
}

function nested<T>(prefix: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof InvalidFieldsError)) throw error;
    throw new InvalidFieldsError(
      error.errors.map(({ field, message }) => ({
        field: field ? `${prefix}.${field}` : prefix,
        message,
      })),
    );
  }
}

const invalid = (field: string, message: string): InvalidFieldsError =>
  new InvalidFieldsError([{ field, message } satisfies InvalidField]);

const isOrExtends = (cls: object, base: { prototype: object }): boolean =>
  cls === base || Object.prototype.isPrototypeOf.call(base, cls);
