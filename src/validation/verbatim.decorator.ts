import { Exclude, Type, type TypeHelpOptions } from 'class-transformer';

/** Class without fields, so that class-transformer recurses into no value. */
@Exclude()
class Untouched {}

/**
 * Keeps a field's value unchanged in `plainToInstance` and `instanceToPlain`. By default they copy values key by key, lose keys such as `toString`, and
 * fail on an own `constructor`. `@Transform()` runs too late for that, and is ignored on the way back.
 *
 * @param convert converts the value, in an instance or in plain JSON
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
  // Overrides the value that the library sets.
  Object.defineProperty(target, property, {
    ...field,
    get: () => value,
    set: () => Object.defineProperty(target, property, { ...field, value, writable: true }),
  });
}
