import { ArrayMaxSize, ArrayMinSize, IsArray, IsIn } from 'class-validator';

const KEYS = '0123456789*#'.split('');
/** Limit of keys in a message. */
const MAX_KEYS = 100;
const message = `buttons must be a list of some of ${KEYS.join(' ')}, at most ${MAX_KEYS}`;

/** `dtmf`: keys pressed in the client. */
export class RtviDtmf {
  @IsArray({ message })
  @ArrayMinSize(1, { message })
  @ArrayMaxSize(MAX_KEYS, { message })
  @IsIn(KEYS, { each: true, message })
  buttons!: string[];
}
