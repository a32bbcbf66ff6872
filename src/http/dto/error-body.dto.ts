import { ApiField } from '../../validation/api-field.decorator.js';

/** A validation error of one field. */
export class FieldError {
  @ApiField({
    type: String,
    description: 'The path of the field, such as dailyRoomProperties.exp.',
  })
  field!: string;

  @ApiField({ type: String, description: 'The accepted values.' })
  message!: string;
}

/** JSON body of every error: Nest's own fields beside the `detail` that Pipecat's clients show. */
export class ErrorBody {
  @ApiField({ type: Number, description: 'The HTTP status.', example: 429 })
  statusCode!: number;

  @ApiField({ type: String, description: 'The status in words.', example: 'Too Many Requests' })
  error!: string;

  @ApiField({ type: String, description: 'An alias of detail, for clients of Nest.' })
  message!: string;

  /** Always a string: published clients print anything else as `[object Object]`. */
  @ApiField({ type: String, description: 'What is wrong, and what is accepted.' })
  detail!: string;

  @ApiField({
    type: String,
    required: false,
    description: 'The error code.',
    example: 'AT_CAPACITY',
  })
  code?: string;

  @ApiField({
    type: () => FieldError,
    isArray: true,
    required: false,
    description: 'The invalid fields (INVALID_FIELDS).',
  })
  errors?: FieldError[];

  @ApiField({
    type: String,
    isArray: true,
    required: false,
    description: 'The failed checks (UNHEALTHY).',
  })
  failing?: string[];
}
