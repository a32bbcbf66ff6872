import { IsBoolean, IsOptional, IsString } from 'class-validator';
import { Nested } from '../../validation/field-traits.js';

/** How a text is to be treated. */
export class SendTextOptions {
  /** Whether the bot is to answer at once, interrupting itself. @default true */
  @IsBoolean({ message: 'run_immediately must be true or false' })
  run_immediately: boolean = true;

  /** Whether the answer is to be heard. @default true */
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
