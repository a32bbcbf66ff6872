import { IsString } from 'class-validator';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { KeepsUnknownKeys } from '../../../validation/field-traits.js';

/** Daily room, the part that the runner reads. */
@KeepsUnknownKeys()
export class DailyRoom {
  @IsString({ message: 'name must be a string' })
  @ApiField({ description: 'The name of the room.' })
  name!: string;

  @IsString({ message: 'url must be a string' })
  @ApiField({ description: 'The URL of the room.', format: 'uri' })
  url!: string;
}
