import { isInstance } from '../errors/thrown.js';
import { type InvalidField, InvalidFieldsError } from '../validation/invalid-fields.error.js';
import { validateInto } from '../validation/validate-into.js';
import { CallData } from './call-data.js';
import { liveFieldOf, wireClassNamed } from './wire-classes.js';
import { RunnerArguments } from './runner-arguments.js';

/**
 * Restores runner arguments from their `toJSON()`, in their class.
 * @param live values of live fields by name, relayed by the caller
 * @throws {InvalidFieldsError} for invalid fields, an unknown `type`, or a class with a live field, which exists only in its original process
 */
export function runnerArgumentsFromJSON(
  value: unknown,
  live: Readonly<Record<string, object>> = {},
): RunnerArguments {
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
  const liveField = liveFieldOf(cls);
  if (liveField !== undefined) {
    if (!live[liveField]) {
      throw invalid(
        'type',
        `${String(type)} cannot come from JSON: its ${liveField} lives only in the process that made it`,
      );
    }
    fields[liveField] = live[liveField];
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
    if (!isInstance(error, InvalidFieldsError)) throw error;
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
