import { ValidateBy, type ValidationArguments } from 'class-validator';
import { isObject } from './is-object.js';
import { printable } from './printable.js';
import { Verbatim } from './verbatim.decorator.js';
import { applyDecorators } from './apply-decorators.js';

/** Validates a `Record<string, string>`; the message names the invalid key, but not its value. */
export function IsStringRecord(): PropertyDecorator {
  const check = ValidateBy({
    name: 'isStringRecord',
    validator: {
      validate: (value) => isObject(value) && Object.values(value).every(isString),
      defaultMessage: (args?: ValidationArguments) => {
        const { property } = args!;
        const value: unknown = args!.value;
        const wrong = isObject(value) && Object.keys(value).find((key) => !isString(value[key]));
        return typeof wrong === 'string'
          ? `${property}.${printable(wrong)} must be a string`
          : `${property} must be an object whose values are strings`;
      },
    },
  });
  return applyDecorators(Verbatim(), check);
}

const isString = (value: unknown): boolean => typeof value === 'string';
