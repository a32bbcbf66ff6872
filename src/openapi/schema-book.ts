import { getMetadataStorage } from 'class-validator';
import {
  type ApiContent,
  type ApiSchema,
  type ApiType,
  isUnion,
} from '../http/api-route.decorator.js';
import { type ApiFieldOptions, apiFieldsOf } from '../validation/api-field.decorator.js';
import type { PlainClass } from '../validation/field-traits.js';
import { withoutUndefined } from '../validation/options.js';

type Schema = Record<string, unknown>;

const PRIMITIVES = new Map<unknown, string>([
  [String, 'string'],
  [Number, 'number'],
  [Boolean, 'boolean'],
  [Object, 'object'],
]);

/** What class-validator's rules mean in a schema, by their names. */
const RULES: Record<string, (limit: unknown) => Schema> = {
  isInt: () => ({ type: 'integer' }),
  min: (minimum) => ({ minimum }),
  max: (maximum) => ({ maximum }),
  minLength: (minLength) => ({ minLength }),
  isIn: (values) => ({ enum: values }),
  // What is read with validateInto may as well be null.
  isOptional: () => ({ nullable: true }),
};

/** The JSON schemas of classes whose fields have `ApiField`s and rules of class-validator. */
export class SchemaBook {
  /** Each class that was referred to, by its name. */
  readonly schemas: Record<string, Schema> = {};

  /** @param choices the values of fields, as `Class.field`, that are known only at run time */
  constructor(private readonly choices: Readonly<Record<string, readonly string[]>> = {}) {}

  /** The schema of a body: of a class, a reference to it. */
  of(type: ApiType): ApiSchema {
    if (typeof type === 'function') return this.refer(type);
    return isUnion(type) ? { anyOf: type.map((one) => this.refer(one)) } : type;
  }

  /** Whether none of these bodies can be left out. */
  needs(content: ApiContent): boolean {
    return Object.values(content).every(
      (type) => typeof type === 'function' && apiFieldsOf(type).some(([, field]) => field.required),
    );
  }

  private refer(cls: PlainClass): Schema {
    if (!Object.hasOwn(this.schemas, cls.name)) {
      // Before its fields are read, for they may lead back to it.
      const schema: Schema = (this.schemas[cls.name] = { type: 'object' });
      const fields = apiFieldsOf(cls);
      const rules = rulesOf(cls);
      schema.properties = Object.fromEntries(
        fields.map(([name, field]) => {
          const choice = this.choices[`${cls.name}.${name}`];
          return [
            name,
            this.field(field, { ...rules.get(name), ...withoutUndefined({ enum: choice }) }),
          ];
        }),
      );
      const required = fields.filter(([, field]) => field.required).map(([name]) => name);
      if (required.length > 0) schema.required = required;
    }
    return { $ref: `#/components/schemas/${cls.name}` };
  }

  private field(options: ApiFieldOptions, rules: Schema): Schema {
    const { type, oneOf, isArray, additionalProperties, format, description, example } = options;
    const { nullable = options.nullable, ...limits } = rules;
    const one: Schema = {
      ...(oneOf ? { oneOf } : this.typeOf(type)),
      ...limits,
      ...withoutUndefined({ additionalProperties, enum: options.enum, format }),
    };
    const schema: Schema = isArray ? { type: 'array', items: one } : one;
    return {
      ...(nullable ? { anyOf: [schema, { type: 'null' }] } : schema),
      description,
      ...withoutUndefined({
        default: options.default,
        examples: example === undefined ? example : [example],
      }),
    };
  }

  private typeOf(type: unknown): Schema {
    const primitive = PRIMITIVES.get(type);
    if (primitive !== undefined) return { type: primitive };
    // As @nestjs/swagger tells a class from a function that returns one.
    const cls = (type as PlainClass).name === 'type' ? (type as () => PlainClass)() : type;
    return this.refer(cls as PlainClass);
  }
}

function rulesOf(cls: PlainClass): Map<string, Schema> {
  const rules = new Map<string, Schema>();
  for (const {
    name,
    propertyName,
    constraints,
  } of getMetadataStorage().getTargetValidationMetadatas(cls, '', false, false)) {
    const rule = RULES[name ?? '']?.((constraints as unknown[] | undefined)?.[0]);
    if (rule) rules.set(propertyName, { ...rule, ...rules.get(propertyName) });
  }
  return rules;
}
