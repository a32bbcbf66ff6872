import { IsString } from 'class-validator';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { KeepsUnknownKeys } from '../../../validation/field-traits.js';

/** Daily's description of a room, as far as the runner reads it. */
@KeepsUnknownKeys()
export class DailyRoom {
  @IsString({ message: 'name must be a string' })
  @ApiField({ description: 'The name of the room.' })
  name!: string;

  @IsString({ message: 'url must be a string' })
  @ApiField({ description: 'Where the room is joined.', format: 'uri' })
  url!: string;
}
