import { RedisScript } from '../redis-script.js';

/** Undoes a claim: the session waits for its client again, until its time is over. Repeatable by nature. */
export const GIVE_BACK = new RedisScript(
  'give_back',
  `
local id, node, epoch = unpack(ARGV, 1, 3)
local key = P .. 's:' .. id
local r = redis.call('HMGET', key, 'st', 'o', 'e', 'x')
if r[1] ~= 'active' or r[2] ~= node or r[3] ~= epoch then return {'gone'} end
redis.call('HSET', key, 'st', 'pending', 'o', '', 'no', '')
redis.call('SREM', P .. 'own:' .. node, id)
redis.call('ZADD', P .. 'pending', r[4], id)
return {'ok'}
`,
);
