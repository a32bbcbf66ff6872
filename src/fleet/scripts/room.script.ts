import { RedisScript } from '../redis-script.js';

/**
 * Writes down the room of a session, sealed, for whichever node runs its bot or removes the room. A session that waits for its bot has until its expiry from
 * now, and its job is handed out again while nobody has taken it. `restartMs` is that time for a session whose node died, if its bot is to be launched again.
 * Repeatable by nature.
 */
export const ROOM = new RedisScript(
  'room',
  `
local id, node, dispatchMs, againMs, restartMs, sealed = unpack(ARGV, 1, 6)
local key = P .. 's:' .. id
local r = redis.call('HMGET', key, 'st', 'o', 'bu')
if not r[1] then return {'missing'} end
if r[1] ~= 'pending' and r[2] ~= node then return {'taken'} end
-- Nobody launches again what was told to be over.
redis.call('HSET', key, 'r', sealed, 'rs', r[3] and '' or restartMs)
if r[1] == 'pending' then await_bot(id, now + tonumber(dispatchMs), now + tonumber(againMs)) end
return {'ok'}
`,
);
