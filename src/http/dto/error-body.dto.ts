import { ApiField } from '../../validation/api-field.decorator.js';

/** A field that is wrong. */
export class FieldError {
  @ApiField({ type: String, description: 'Where it is, such as dailyRoomProperties.exp.' })
  field!: string;

  @ApiField({ type: String, description: 'What is accepted there.' })
  message!: string;
}

/** The JSON body of every error: Nest's own fields beside the `detail` that Pipecat's clients show. */
export class ErrorBody {
  @ApiField({ type: Number, description: 'The HTTP status.', example: 429 })
  statusCode!: number;

  @ApiField({ type: String, description: 'The status in words.', example: 'Too Many Requests' })
  error!: string;

  @ApiField({ type: String, description: 'The same as detail, where Nest has it.' })
  message!: string;

  /** Always a string: published clients print anything else as `[object Object]`. */
  @ApiField({ type: String, description: 'What is wrong, and what is accepted.' })
  detail!: string;

  @ApiField({
    type: String,
    required: false,
    description: 'What is wrong, for programs.',
    example: 'AT_CAPACITY',
  })
  code?: string;

  @ApiField({
    type: () => FieldError,
    isArray: true,
    required: false,
    description: 'The fields that are wrong (INVALID_FIELDS).',
  })
  errors?: FieldError[];

  @ApiField({
    type: String,
    isArray: true,
    required: false,
    description: 'The checks that fail (UNHEALTHY).',
  })
  failing?: string[];
}
