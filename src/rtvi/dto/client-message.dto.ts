import { Allow, IsString } from 'class-validator';
import { Verbatim } from '../../validation/verbatim.decorator.js';

/** `client-message`: an application message. */
export class ClientMessageData {
  /** Name of the message. */
  @IsString({ message: 't must be a string: the name of the message' })
  t!: string;

  /** Data of the message. */
  @Verbatim()
  @Allow()
  d?: unknown;
}
