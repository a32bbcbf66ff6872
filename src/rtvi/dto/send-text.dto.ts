import { IsBoolean, IsOptional, IsString } from 'class-validator';
import { Nested } from '../../validation/field-traits.js';

/** Options of `send-text`. */
export class SendTextOptions {
  /** True for an answer at once, interrupting the bot. @default true */
  @IsBoolean({ message: 'run_immediately must be true or false' })
  run_immediately: boolean = true;

  /** True for an answer with audio. @default true */
  @IsBoolean({ message: 'audio_response must be true or false' })
  audio_response: boolean = true;
}

/** `send-text`: the user types instead of speaking. */
export class SendText {
  @IsString({ message: 'content must be a string' })
  content!: string;

  @IsOptional()
  @Nested(() => SendTextOptions)
  options: SendTextOptions = new SendTextOptions();
}
