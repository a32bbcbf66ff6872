import { IsObject, IsOptional, Matches } from 'class-validator';
import { Verbatim } from '../../validation/verbatim.decorator.js';

/** `client-ready`: the client can take messages. */
export class ClientReady {
  /** The version of RTVI that the client speaks, such as `2.1.0`. */
  @Matches(/^\d+\.\d+\.\d+$/, { message: 'version must be a version such as 2.1.0' })
  version!: string;

  /** Who the client is: `library`, `library_version`, `platform`, … */
  @Verbatim()
  @IsOptional()
  @IsObject({ message: 'about must be an object' })
  about?: Record<string, unknown>;
}
