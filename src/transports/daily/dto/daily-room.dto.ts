import { IsString } from 'class-validator';
import { KeepsUnknownKeys } from '../../../validation/field-traits.js';

/** Daily's description of a room, as far as the runner reads it. */
@KeepsUnknownKeys()
export class DailyRoom {
  @IsString({ message: 'name must be a string' })
  name!: string;

  @IsString({ message: 'url must be a string' })
  url!: string;
}
