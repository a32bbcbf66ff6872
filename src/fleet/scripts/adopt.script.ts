import { RedisScript } from '../redis-script.js';

/** Counts a session as another caller's, within that caller's limit. Repeatable by nature. */
export const ADOPT = new RedisScript(
  'adopt',
  `
local id, node, caller, callerMax = unpack(ARGV, 1, 4)
local key = P .. 's:' .. id
local r = redis.call('HMGET', key, 'o', 'c')
if r[1] ~= node then return {'fenced'} end
if r[2] == caller then return {'ok'} end
if redis.call('SCARD', P .. 'c:' .. caller) >= tonumber(callerMax) then return {'caller_full'} end
redis.call('SADD', P .. 'c:' .. caller, id)
if r[2] ~= '' then redis.call('SREM', P .. 'c:' .. r[2], id) end
redis.call('HSET', key, 'c', caller)
return {'ok'}
`,
);
