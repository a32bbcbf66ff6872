import { Exclude, Type, type TypeHelpOptions } from 'class-transformer';

/** A class without fields, so that class-transformer goes into no value of its. */
@Exclude()
class Untouched {}

/**
 * A field whose value `plainToInstance` and `instanceToPlain` take over as it is. By themselves they copy what they find key by key, lose keys
 * such as `toString`, and fail on an own `constructor`. A `@Transform()` comes too late for that, and on the way back does not count.
 *
 * @param convert what the field is to hold instead, in an instance or in plain JSON
 */
export const Verbatim = (
  convert: (value: unknown, isInstance: boolean) => unknown = (value) => value,
): PropertyDecorator =>
  Type((help) => {
    if (help) keepVerbatim(help, convert);
    return Untouched;
  });

function keepVerbatim(
  { newObject, object, property }: TypeHelpOptions,
  convert: (value: unknown, isInstance: boolean) => unknown,
): void {
  const target = newObject as object;
  const raw: unknown = (object as Record<string, unknown>)[property];
  if (raw === undefined) return;
  const field = { enumerable: true, configurable: true };
  const value = convert(raw, target.constructor !== Object);
  // Whatever the library is about to put there, this is what stays.
  Object.defineProperty(target, property, {
    ...field,
    get: () => value,
    set: () => Object.defineProperty(target, property, { ...field, value, writable: true }),
  });
}
