import {
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Min,
  ValidateIf,
} from 'class-validator';
import { Nested } from '../../validation/field-traits.js';
import { Verbatim } from '../../validation/verbatim.decorator.js';
import { BASE64, bytesFromBase64 } from './base64.js';
import { SendTextOptions } from './send-text.dto.js';

/** Content of a file: inline, or by its URL. */
export class RtviFileSource {
  @IsIn(['bytes', 'url'], { message: "type must be 'bytes' or 'url'" })
  type!: 'bytes' | 'url';

  /** Content in base64 or a `data:` URL, of the type `bytes`. */
  @ValidateIf(({ type }: RtviFileSource) => type === 'bytes')
  @Matches(BASE64, { message: 'bytes must be base64' })
  bytes?: string;

  /** URL of the content, of the type `url`. Not fetched here; a client may name any. */
  @ValidateIf(({ type }: RtviFileSource) => type === 'url')
  @IsString({ message: 'url must be a string' })
  url?: string;

  /** Width of a picture, in pixels. */
  @IsOptional()
  @IsInt({ message: 'width must be a whole number' })
  @Min(0, { message: 'width must not be negative' })
  width?: number;

  /** Height of a picture, in pixels. */
  @IsOptional()
  @IsInt({ message: 'height must be a whole number' })
  @Min(0, { message: 'height must not be negative' })
  height?: number;

  /** Returns the inline content; `undefined` for one that is at a URL. */
  content(): Buffer | undefined {
    return this.bytes === undefined ? undefined : bytesFromBase64(this.bytes);
  }
}

/** A file. */
export class RtviFile {
  /** MIME type, such as `application/pdf`. */
  @IsString({ message: 'format must be a string: a MIME type' })
  format!: string;

  @IsOptional()
  @IsString({ message: 'name must be a string' })
  name?: string;

  @Nested(() => RtviFileSource)
  source!: RtviFileSource;
}

/** Options of `send-file`. */
export class SendFileOptions extends SendTextOptions {
  /** Options for the LLM of the bot, such as its `detail` of pictures. */
  @Verbatim()
  @IsOptional()
  @IsObject({ message: 'custom_options must be an object' })
  custom_options?: Record<string, unknown>;
}

/** `send-file`: the user sends a file with a text. */
export class SendFile {
  /** Text of the user. */
  @IsString({ message: 'content must be a string' })
  content!: string;

  @Nested(() => RtviFile)
  file!: RtviFile;

  @IsOptional()
  @Nested(() => SendFileOptions)
  options: SendFileOptions = new SendFileOptions();
}
