import { IsObject, IsOptional, Matches } from 'class-validator';
import { Verbatim } from '../../validation/verbatim.decorator.js';

/** `client-ready`: the client is ready for messages. */
export class ClientReady {
  /** RTVI version of the client, such as `2.2.0`. */
  @Matches(/^\d+\.\d+\.\d+$/, { message: 'version must be a version such as 2.2.0' })
  version!: string;

  /** Description of the client: `library`, `library_version`, `platform`, … */
  @Verbatim()
  @IsOptional()
  @IsObject({ message: 'about must be an object' })
  about?: Record<string, unknown>;
}
