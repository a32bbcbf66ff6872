import { RedisScript } from '../redis-script.js';

/** Undoes a claim: the session waits for its client again, or for its bot, until its time is over. Repeatable by nature. */
export const GIVE_BACK = new RedisScript(
  'give_back',
  `
local id, node, epoch = unpack(ARGV, 1, 3)
local key = P .. 's:' .. id
local r = redis.call('HMGET', key, 'st', 'o', 'e', 'x', 'k')
if r[1] ~= 'active' or r[2] ~= node or r[3] ~= epoch then return {'gone'} end
redis.call('HSET', key, 'st', 'pending', 'o', '', 'no', '')
redis.call('SREM', P .. 'own:' .. node, id)
if r[5] == 'room' then await_bot(id, r[4], now) else redis.call('ZADD', P .. 'pending', r[4], id) end
return {'ok'}
`,
);
