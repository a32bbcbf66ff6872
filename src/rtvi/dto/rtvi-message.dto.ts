import { IsObject, IsOptional, IsString } from 'class-validator';
import { Verbatim } from '../../validation/verbatim.decorator.js';

/** The envelope of every RTVI message. */
export class RtviMessage {
  @IsString({ message: 'type must be a string' })
  type!: string;

  /** Correlation id of the response. */
  @IsString({ message: 'id must be a string' })
  id!: string;

  @Verbatim()
  @IsOptional()
  @IsObject({ message: 'data must be an object' })
  data?: Record<string, unknown>;
}
