import { runnerArgumentsFromJSON } from '../bot/runner-arguments-json.js';
import { isObject } from '../validation/is-object.js';
import type { SessionRoom } from './fleet.js';

/** Returns a room as its record keeps it. @throws {TypeError} for arguments that cannot leave this process */
export const textOfRoom = ({ args, user }: SessionRoom): string =>
  JSON.stringify({ args: args.toJSON(), user });

/** Returns the room that a record keeps. @throws {Error} for arguments of a class that this node does not know */
export function roomOf(text: string): SessionRoom {
  const room: unknown = JSON.parse(text);
  if (!isObject(room)) throw new TypeError('the record of a room is no object');
  const { args, user } = room;
  return {
    args: runnerArgumentsFromJSON(args),
    ...(typeof user === 'string' && { user }),
  };
}
