import { IsObject, IsString, ValidateBy } from 'class-validator';
import { isObject } from '../../validation/is-object.js';
import { Verbatim } from '../../validation/verbatim.decorator.js';

/** `llm-function-call-result`: the result of a function that the client has run. */
export class FunctionCallResult {
  @IsString({ message: 'function_name must be a string' })
  function_name!: string;

  @IsString({ message: 'tool_call_id must be a string: the one of the call' })
  tool_call_id!: string;

  @Verbatim()
  @IsObject({ message: 'arguments must be an object: those of the call' })
  arguments!: Record<string, unknown>;

  @Verbatim()
  @ValidateBy(
    {
      name: 'isResult',
      validator: { validate: (value) => typeof value === 'string' || isObject(value) },
    },
    { message: 'result must be an object or a string' },
  )
  result!: Record<string, unknown> | string;
}
