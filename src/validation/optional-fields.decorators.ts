import {
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Max,
  Min,
} from 'class-validator';
import { ApiField, type ApiFieldOptions } from './api-field.decorator.js';
import { IsStringRecord } from './is-string-record.decorator.js';
import { Verbatim } from './verbatim.decorator.js';
import { applyDecorators } from './apply-decorators.js';

/** Combines validation, message and documentation of an optional field. */
const optional = (
  check: PropertyDecorator,
  description: string,
  more: Partial<ApiFieldOptions> = {},
): PropertyDecorator =>
  applyDecorators(IsOptional(), check, ApiField({ required: false, description, ...more }));

export const OptionalBoolean = (description: string): PropertyDecorator =>
  optional(IsBoolean({ message: '$property must be true or false' }), description, {
    type: Boolean,
  });

export const OptionalString = (
  description: string,
  more: Partial<ApiFieldOptions> = {},
): PropertyDecorator =>
  optional(IsString({ message: '$property must be a string' }), description, {
    type: String,
    ...more,
  });

/** @see IsStringRecord */
export const OptionalStringRecord = (description: string): PropertyDecorator =>
  optional(IsStringRecord(), description, {
    type: Object,
    additionalProperties: { type: 'string' },
  });

export const OptionalChoice = (values: readonly string[], description: string): PropertyDecorator =>
  optional(
    IsIn(values, { message: `$property must be one of ${values.join(', ')}` }),
    description,
    {
      type: String,
      enum: values,
    },
  );

export const OptionalInteger = (min: number, description: string): PropertyDecorator =>
  optional(
    applyDecorators(
      IsInt({ message: `$property must be a whole number of at least ${min}` }),
      Min(min, { message: `$property must be a whole number of at least ${min}` }),
    ),
    description,
    { type: Number },
  );

export const OptionalNumber = (description: string): PropertyDecorator =>
  optional(IsNumber({}, { message: '$property must be a number' }), description, { type: Number });

/** Above any plausible time in seconds, and below any in milliseconds. */
const MAX_UNIX_SECONDS = 99_999_999_999;

export const OptionalUnixSeconds = (description: string): PropertyDecorator => {
  const message = '$property must be a time in seconds (not milliseconds) since 1970';
  return optional(
    applyDecorators(
      IsNumber({ allowNaN: false, allowInfinity: false }, { message }),
      Min(0, { message }),
      Max(MAX_UNIX_SECONDS, { message }),
    ),
    description,
    { type: Number },
  );
};

export const OptionalObject = (description: string): PropertyDecorator =>
  optional(
    applyDecorators(Verbatim(), IsObject({ message: '$property must be an object' })),
    description,
    {
      type: Object,
      additionalProperties: true,
    },
  );

export const OptionalObjectList = (description: string): PropertyDecorator =>
  optional(
    applyDecorators(
      Verbatim(),
      IsArray({ message: '$property must be a list of objects' }),
      IsObject({ each: true, message: '$property must be a list of objects' }),
    ),
    description,
    { type: Object, isArray: true },
  );
