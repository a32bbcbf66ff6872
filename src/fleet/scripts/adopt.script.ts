import { RedisScript } from '../redis-script.js';

/** Counts a session as another caller's, within that caller's limit. Repeatable by nature. */
export const ADOPT = new RedisScript(
  'adopt',
  `
local id, node, callers, callerMax = unpack(ARGV, 1, 4)
local key, caller = P .. 's:' .. id, callers:match('^%S*')
local r = redis.call('HMGET', key, 'o', 'c')
if r[1] ~= node then return {'fenced'} end
for known in callers:gmatch('%S+') do
  if r[2] == known then return {'ok'} end
end
if count_of(callers) >= tonumber(callerMax) then return {'caller_full'} end
redis.call('SADD', P .. 'c:' .. caller, id)
if r[2] ~= '' then redis.call('SREM', P .. 'c:' .. r[2], id) end
redis.call('HSET', key, 'c', caller)
return {'ok'}
`,
);
