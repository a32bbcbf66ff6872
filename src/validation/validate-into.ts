import {
  getMetadataStorage,
  type ValidationArguments,
  type ValidationError,
  type ValidatorConstraintInterface,
  validateSync,
} from 'class-validator';
import { keepsNull, keepsUnknownKeys, nestedClassOf, type PlainClass } from './field-traits.js';
import { type InvalidField, InvalidFieldsError } from './invalid-fields.error.js';

/**
 * Makes an instance of a decorated class from a plain value. `null` counts as absent, unknown keys are dropped, and
 * values of no class of their own are taken over untouched.
 *
 * class-validator's decorators are the only rules. Running class-validator itself costs some ten times more than the
 * rules do, so they are called directly, and class-validator only when one of them says no: the verdict and the
 * messages are always its own.
 *
 * @param at where the value is, such as `dailyRoomProperties`, for the names of the fields in the error
 * @throws {InvalidFieldsError} naming every field at fault and what is accepted there
 */
export function validateInto<T extends object>(cls: new () => T, plain: unknown, at = ''): T {
  if (!isPlainObject(plain)) {
    throw new InvalidFieldsError([{ field: at, message: 'The value must be a JSON object.' }]);
  }
  const plan = planOf(cls);
  const instance = build(plan, plain) as T;
  if (!accepts(plan, instance)) {
    const errors = validateSync(instance, { forbidUnknownValues: false });
    if (errors.length > 0) throw new InvalidFieldsError(flatten(errors, at && `${at}.`));
  }
  return instance;
}

type Fields = Record<string, unknown>;

const NOTHING = {};
/** As little an object as a list is. */
const NO_OBJECT = false;

interface FieldPlan {
  readonly name: string;
  readonly nested: (() => ClassPlan) | undefined;
  readonly keepsNull: boolean;
  readonly conditions: ((object: object, value: unknown) => boolean)[];
  readonly rules: {
    readonly rule: ValidatorConstraintInterface;
    readonly each: boolean;
    /** Filled in anew for each call: rules are synchronous, and an object a call would cost more than the rule. */
    readonly args: ValidationArguments;
  }[];
}

interface ClassPlan {
  readonly cls: PlainClass;
  readonly keepsUnknown: boolean;
  readonly fields: Map<string, FieldPlan>;
}

const plans = new WeakMap<PlainClass, ClassPlan>();

/** Reads the decorators of a class, once. */
function planOf(cls: PlainClass): ClassPlan {
  let plan = plans.get(cls);
  if (plan) return plan;
  const storage = getMetadataStorage();
  const fields = new Map<string, FieldPlan>();
  for (const metadata of storage.getTargetValidationMetadatas(cls, '', false, false)) {
    const name = metadata.propertyName;
    let field = fields.get(name);
    if (!field) {
      const nested = nestedClassOf(cls, name);
      field = {
        name,
        nested: nested && (() => planOf(nested)),
        keepsNull: keepsNull(cls, name),
        conditions: [],
        rules: [],
      };
      fields.set(name, field);
    }
    if (metadata.type === 'conditionalValidation') {
      field.conditions.push(metadata.constraints[0] as FieldPlan['conditions'][number]);
    } else if (metadata.type === 'customValidation') {
      for (const { instance } of storage.getTargetValidatorConstraints(metadata.constraintCls)) {
        field.rules.push({
          rule: instance,
          each: metadata.each,
          args: {
            value: undefined,
            object: NOTHING,
            constraints: metadata.constraints as unknown[],
            targetName: cls.name,
            property: name,
          },
        });
      }
    }
  }
  plan = { cls, keepsUnknown: keepsUnknownKeys(cls), fields };
  plans.set(cls, plan);
  return plan;
}

function build(plan: ClassPlan, plain: Fields): object {
  const instance = new plan.cls() as Fields;
  for (const field of plan.fields.values()) {
    if (!Object.hasOwn(plain, field.name)) continue;
    const value = plain[field.name];
    if (value === undefined || (value === null && !field.keepsNull)) continue;
    instance[field.name] = field.nested ? buildNested(field.nested(), value) : value;
  }
  if (plan.keepsUnknown) {
    for (const key of Object.keys(plain)) {
      // Those of every object, such as `constructor`, by which class-validator finds the rules.
      if (!plan.fields.has(key) && !(key in Object.prototype)) instance[key] = plain[key];
    }
  }
  return instance;
}

function buildNested(plan: ClassPlan, value: unknown): unknown {
  if (isPlainObject(value)) return build(plan, value);
  // class-validator would validate, and name, each member of a list.
  return Array.isArray(value) ? NO_OBJECT : value;
}

function accepts(plan: ClassPlan, instance: object): boolean {
  for (const field of plan.fields.values()) {
    const value = (instance as Fields)[field.name];
    if (!field.conditions.every((condition) => condition(instance, value))) continue;
    if (field.nested && !(value instanceof field.nested().cls && accepts(field.nested(), value))) {
      return false;
    }
    for (const { rule, args, each } of field.rules) {
      args.value = value;
      args.object = instance;
      const ok = each
        ? Array.isArray(value) && value.every((member) => rule.validate(member, args) === true)
        : rule.validate(value, args) === true;
      // Or the last value would be kept alive.
      args.value = undefined;
      args.object = NOTHING;
      if (!ok) return false;
    }
  }
  return true;
}

function flatten(errors: ValidationError[], prefix: string): InvalidField[] {
  return errors.flatMap(({ property, constraints = {}, children = [] }) => {
    const field = prefix + property;
    const own = [...new Set(Object.values(constraints))].map((message) => ({ field, message }));
    return [...own, ...flatten(children, `${field}.`)];
  });
}

function isPlainObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
