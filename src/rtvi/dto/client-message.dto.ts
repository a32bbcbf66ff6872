import { Allow, IsString } from 'class-validator';
import { Verbatim } from '../../validation/verbatim.decorator.js';

/** `client-message`: a message of the application's own. */
export class ClientMessageData {
  /** What the message is called. */
  @IsString({ message: 't must be a string: the name of the message' })
  t!: string;

  /** What it carries. */
  @Verbatim()
  @Allow()
  d?: unknown;
}
