import { ArrayMinSize, IsArray, IsIn } from 'class-validator';

const KEYS = '0123456789*#'.split('');
const message = `buttons must be a list of some of ${KEYS.join(' ')}`;

/** `dtmf`: keys pressed in the client. */
export class RtviDtmf {
  @IsArray({ message })
  @ArrayMinSize(1, { message })
  @IsIn(KEYS, { each: true, message })
  buttons!: string[];
}
