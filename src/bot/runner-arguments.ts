import {
  Allow,
  IsBoolean,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Min,
  ValidateIf,
} from 'class-validator';
import { ApiField } from '../validation/api-field.decorator.js';
import { KeepsNull, Nested } from '../validation/field-traits.js';
import { assignDefined, CallData } from './call-data.js';
import { WireClass, wireNameOf } from './wire-classes.js';
import { Verbatim } from '../validation/verbatim.decorator.js';

/** The initial fields of a class of runner arguments: its required fields, and any of the others. */
export type Init<T, Required extends keyof T = never> = Pick<T, Required> &
  Partial<Omit<T, Required | 'toJSON'>>;

/**
 * The arguments of every bot, whatever its transport. The subclasses add what it takes to connect; `instanceof`
 * distinguishes them.
 */
@WireClass('RunnerArguments')
export class RunnerArguments {
  /** True if the bot should handle SIGINT itself. @default false */
  @IsBoolean({ message: 'handle_sigint must be true or false' })
  @ApiField({
    required: false,
    default: false,
    description: 'Whether the bot should handle SIGINT itself.',
  })
  handle_sigint: boolean = false;

  /** True if the bot should handle SIGTERM itself. @default false */
  @IsBoolean({ message: 'handle_sigterm must be true or false' })
  @ApiField({
    required: false,
    default: false,
    description: 'Whether the bot should handle SIGTERM itself.',
  })
  handle_sigterm: boolean = false;

  /** Seconds a conversation may be idle before the bot should end it; `null` for ever. @default 300 */
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
    description: 'Seconds a conversation may be idle before the bot should end it; null for ever.',
  })
  pipeline_idle_timeout_secs: number | null = 300;

  /** The body that the start of the session passed to the bot, untouched. @default {} */
  @Verbatim()
  @Allow()
  @ApiField({
    required: false,
    type: Object,
    default: {},
    description: 'The body that the start of the session passed to the bot.',
  })
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the wire is untyped here
  body?: any = {};

  /** The carrier's data of the call; absent unless this is a phone call. */
  @Verbatim(callDataOf)
  @IsOptional()
  @Nested(() => CallData)
  @ApiField({
    required: false,
    type: () => CallData,
    description: "The carrier's data of the call; absent unless this is a phone call.",
  })
  call_data?: CallData;

  /** The id of this session, the one `/start` returned. */
  @IsOptional()
  @IsString({ message: 'session_id must be a string' })
  @ApiField({ required: false, description: 'The id of this session.' })
  session_id?: string;

  /** The standalone runner's command line flags. */
  @Verbatim()
  @IsOptional()
  @IsObject({ message: 'cli_args must be an object' })
  @ApiField({
    required: false,
    type: Object,
    additionalProperties: true,
    description: "The standalone runner's command line flags.",
  })
  cli_args?: Record<string, unknown>;

  constructor(init: Init<RunnerArguments> = {}) {
    assignDefined(this, init);
    if (init.pipeline_idle_timeout_secs === null) this.pipeline_idle_timeout_secs = null;
  }

  /**
   * The arguments as JSON, without what lives only in this process. `type` names the class, and `call_data_type` that of
   * `call_data`, so that `runnerArgumentsFromJSON` can rebuild both.
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

/** The data of a call, with all that its class does not name. */
function callDataOf(value: unknown, isInstance: boolean): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  if (!isInstance) return { ...value };
  return value instanceof CallData ? value : new CallData(value);
}
