import { Allow, IsBoolean, IsNumber, IsOptional, Min, ValidateIf } from 'class-validator';
import { ApiField } from '../validation/api-field.decorator.js';
import { KeepsNull, Nested } from '../validation/field-traits.js';
import { OptionalObject, OptionalString } from '../validation/optional-fields.decorators.js';
import { assignDefined, CallData } from './call-data.js';
import type { FileStorage } from './file-storage.js';
import { WireClass, wireNameOf } from './wire-classes.js';
import { Verbatim } from '../validation/verbatim.decorator.js';

/** Initial fields of runner arguments: the required ones, and any others. */
export type Init<T, Required extends keyof T = never> = Pick<T, Required> &
  Partial<Omit<T, Required | 'toJSON' | 'file_storage'>>;

/** Base arguments of every bot. Subclasses add the transport's connection data; `instanceof` distinguishes them. */
@WireClass('RunnerArguments')
export class RunnerArguments {
  /** True if the bot handles SIGINT itself. @default false */
  @IsBoolean({ message: 'handle_sigint must be true or false' })
  @ApiField({
    required: false,
    default: false,
    description: 'True if the bot handles SIGINT itself.',
  })
  handle_sigint: boolean = false;

  /** True if the bot handles SIGTERM itself. @default false */
  @IsBoolean({ message: 'handle_sigterm must be true or false' })
  @ApiField({
    required: false,
    default: false,
    description: 'True if the bot handles SIGTERM itself.',
  })
  handle_sigterm: boolean = false;

  /** Idle timeout of the pipeline, in seconds; `null` for none. @default 300 */
  @KeepsNull()
  @ValidateIf((_, value) => value !== null)
  @IsNumber(
    { allowNaN: false, allowInfinity: false },
    { message: 'pipeline_idle_timeout_secs must be a number of seconds, or null to disable it' },
  )
  @Min(0, { message: 'pipeline_idle_timeout_secs must not be negative' })
  @ApiField({
    required: false,
    type: Number,
    nullable: true,
    default: 300,
    description:
      'Idle timeout in seconds, after which the bot ends the conversation; null for none.',
  })
  pipeline_idle_timeout_secs: number | null = 300;

  /** Body from the start of the session, unchanged. @default {} */
  @Verbatim()
  @Allow()
  @ApiField({
    required: false,
    type: Object,
    default: {},
    description: 'The body from the start of the session.',
  })
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the wire is untyped here
  body?: any = {};

  /** Call data of the carrier; absent unless this is a phone call. */
  @Verbatim(callDataOf)
  @IsOptional()
  @Nested(() => CallData)
  @ApiField({
    required: false,
    type: () => CallData,
    description: 'The call data of the carrier; absent unless this is a phone call.',
  })
  call_data?: CallData;

  /** Session id, as in the answer of `/start`. */
  @OptionalString('The session id.')
  session_id?: string;

  /** The standalone runner's command line flags. */
  @OptionalObject("The standalone runner's command line flags.")
  cli_args?: Record<string, unknown>;

  /** Storage of uploaded files; absent when uploads are off. It is not part of the JSON. */
  file_storage?: FileStorage;

  constructor(init: Init<RunnerArguments> = {}) {
    assignDefined(this, init);
    if (init.pipeline_idle_timeout_secs === null) this.pipeline_idle_timeout_secs = null;
  }

  /**
   * Serialises the arguments without live fields. `type` names the class, and `call_data_type` that of `call_data`, for
   * `runnerArgumentsFromJSON`.
   */
  toJSON(): Record<string, unknown> {
    const { call_data } = this;
    return {
      type: wireNameOf(this),
      ...(this as object),
      ...(call_data && { call_data_type: wireNameOf(call_data) }),
    };
  }
}

/** Restores call data with all keys that its class does not declare. */
function callDataOf(value: unknown, isInstance: boolean): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  if (!isInstance) return { ...value };
  return value instanceof CallData ? value : new CallData(value);
}
