import { getMetadataStorage, type ValidationError, validateSync } from 'class-validator';
import { keepsNull, keepsUnknownKeys, nestedClassOf, type PlainClass } from './field-traits.js';
import { isObject } from './is-object.js';
import { isSurelyValid } from './is-surely-valid.js';
import { type InvalidField, InvalidFieldsError } from './invalid-fields.error.js';

/**
 * Creates an instance of a decorated class from a plain value. `null` counts as absent, unknown keys are dropped, and values without a class of
 * their own are kept unchanged.
 *
 * @param at path of the value, such as `dailyRoomProperties`, prefixed to the field names in the error
 * @throws {InvalidFieldsError} naming every invalid field and what is accepted
 */
export function validateInto<T extends object>(cls: new () => T, plain: unknown, at = ''): T {
  if (!isObject(plain)) {
    throw new InvalidFieldsError([{ field: at, message: 'The value must be a JSON object.' }]);
  }
  const instance = build(cls, plain);
  if (isSurelyValid(instance)) return instance;
  const errors = validateSync(instance, { forbidUnknownValues: false });
  if (errors.length > 0) throw new InvalidFieldsError(invalidFieldsOf(errors, at && `${at}.`));
  return instance;
}

type Fields = Record<string, unknown>;

/** Replacement for a list in the place of an object, since class-validator would validate, and name, each of its items. */
export const NO_OBJECT = false;

interface FieldTraits {
  readonly nested: PlainClass | undefined;
  readonly keepsNull: boolean;
}

const traits = new WeakMap<PlainClass, ReadonlyMap<string, FieldTraits>>();

/** Returns the fields of a class with validation rules, by name. Cached. */
export function fieldsOf(cls: PlainClass): ReadonlyMap<string, FieldTraits> {
  let fields = traits.get(cls);
  if (!fields) {
    const rules = getMetadataStorage().getTargetValidationMetadatas(cls, '', false, false);
    const names = new Set(rules.map(({ propertyName }) => propertyName));
    fields = new Map(
      [...names].map((name) => [
        name,
        { nested: nestedClassOf(cls, name), keepsNull: keepsNull(cls, name) },
      ]),
    );
    traits.set(cls, fields);
  }
  return fields;
}

function build<T extends object>(cls: new () => T, plain: Fields): T {
  const instance = new cls();
  const values = instance as Fields;
  const fields = fieldsOf(cls);
  for (const [name, { nested, keepsNull }] of fields) {
    if (!Object.hasOwn(plain, name)) continue;
    const value = plain[name];
    if (value === undefined || (value === null && !keepsNull)) continue;
    values[name] = nested ? buildNested(nested, value) : value;
  }
  if (keepsUnknownKeys(cls)) {
    for (const key of Object.keys(plain)) {
      // Excludes inherited keys such as `constructor`, by which class-validator finds the rules.
      if (!fields.has(key) && !(key in Object.prototype)) values[key] = plain[key];
    }
  }
  return instance;
}

function buildNested(cls: PlainClass, value: unknown): unknown {
  if (isObject(value)) return build(cls, value);
  return Array.isArray(value) ? NO_OBJECT : value;
}

/** Returns the invalid fields of a tree of errors, with their paths. */
export function invalidFieldsOf(errors: ValidationError[], prefix = ''): InvalidField[] {
  return errors.flatMap(({ property, constraints = {}, children = [] }) => {
    const field = prefix + property;
    const own = [...new Set(Object.values(constraints))].map((message) => ({ field, message }));
    return [...own, ...invalidFieldsOf(children, `${field}.`)];
  });
}
