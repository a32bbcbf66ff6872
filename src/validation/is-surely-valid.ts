import { getMetadataStorage, type ValidationArguments, ValidationTypes } from 'class-validator';
import type { PlainClass } from './field-traits.js';

type Validate = (value: unknown, args: ValidationArguments) => unknown;

/** Rules of one field, read from its class-validator decorators. */
interface FieldRules {
  readonly property: string;
  /** Conditions such as `@IsOptional()`: without all of them the field is not validated. */
  readonly conditions: readonly ((object: object, value: unknown) => boolean)[];
  /** Constraints such as `@IsString()`; `undefined` for a field that only class-validator itself can validate, such as a nested one. */
  readonly constraints:
    readonly { readonly validate: Validate; readonly args: unknown[] }[] | undefined;
}

const rulesByClass = new WeakMap<object, readonly FieldRules[]>();

/**
 * True for an instance that class-validator certainly accepts, by its own rules and functions; false where only `validateSync` can tell. It spares
 * the usual case the 10 KB of garbage that `validateSync` leaves, which reads all rules of a class anew with each call.
 */
export function isSurelyValid(instance: object): boolean {
  const cls = instance.constructor as PlainClass;
  let rules = rulesByClass.get(cls);
  if (!rules) rulesByClass.set(cls, (rules = rulesOf(cls)));
  // Loops instead of callbacks: every request of a client passes here.
  for (const field of rules) if (!accepts(field, instance)) return false;
  return true;
}

function accepts({ property, conditions, constraints }: FieldRules, object: object): boolean {
  const value: unknown = (object as Record<string, unknown>)[property];
  for (const holds of conditions) if (!holds(object, value)) return true;
  if (!constraints) return false;
  const targetName = object.constructor.name;
  for (const { validate, args } of constraints) {
    const details = { targetName, property, object, value, constraints: args };
    // Not a promise either.
    if (validate(value, details) !== true) return false;
  }
  return true;
}

function rulesOf(cls: PlainClass): FieldRules[] {
  const storage = getMetadataStorage();
  const all = storage.getTargetValidationMetadatas(cls, '', false, false);
  return Object.entries(storage.groupByPropertyName(all)).map(([property, rules]) => {
    const isCondition = ({ type }: (typeof rules)[number]): boolean =>
      type === ValidationTypes.CONDITIONAL_VALIDATION;
    const others = rules.filter((rule) => !isCondition(rule));
    const isPlain = others.every(
      ({ type, each, validateIf }) =>
        type === ValidationTypes.CUSTOM_VALIDATION && !each && !validateIf,
    );
    return {
      property,
      conditions: rules
        .filter(isCondition)
        .map(({ constraints }) => constraints[0] as FieldRules['conditions'][number]),
      constraints: isPlain
        ? others.flatMap(({ constraintCls, constraints }) =>
            storage.getTargetValidatorConstraints(constraintCls).map(({ instance }) => ({
              validate: (value, args): unknown => instance.validate(value, args),
              args: constraints,
            })),
          )
        : undefined,
    };
  });
}
