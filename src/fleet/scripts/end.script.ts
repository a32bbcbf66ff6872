import { RedisScript } from '../redis-script.js';

/**
 * Ends a session: a pending one for anybody, an active or lost one by its epoch. Frees its places, adds it to the history, and remembers the end, so that an
 * `open` or `announce` that arrives late brings nothing back. Repeatable by nature; the nonce tells whose end it was, and `own` that it was its owner's.
 */
export const END = new RedisScript(
  'end',
  `
local id, epoch, nonce, only, code, botStartMs, rememberMs, rememberLongMs, historyMax = unpack(ARGV, 1, 9)
local key = P .. 's:' .. id
local ended = P .. 't:' .. id
local r = redis.call('HMGET', key, 'st', 'o', 'e', 'c', 'tp', 'at', 'al')
local state, owner = r[1], r[2]
local mark = code .. ' ' .. nonce .. (epoch == '' and '' or ' own')
if not state then
  for _, set in ipairs({'pending', 'lost', 'rooms', 'idx'}) do redis.call('ZREM', P .. set, id) end
  local before = redis.call('GET', ended)
  if before then return {before == mark and 'ended' or 'gone'} end
  if only ~= '' then return {'gone'} end
  redis.call('SET', ended, mark, 'PX', rememberMs)
  return {'ended'}
end
if only ~= '' and only ~= state then return {'changed'} end
if state ~= 'pending' and only ~= 'lost' and epoch ~= r[3] then return {'fenced'} end
-- A room that waits for another bot is no more its former owner's to end.
if state == 'pending' and r[3] ~= '0' and epoch ~= '' and epoch ~= r[3] then return {'fenced'} end
remove(id, owner, r[4], r[7])
-- A former owner that does not know of it may come back late.
redis.call('SET', ended, mark, 'PX', epoch == '' and r[3] ~= '0' and rememberLongMs or rememberMs)
if tonumber(historyMax) > 0 then
  redis.call('LPUSH', P .. 'hist', cjson.encode({id = id, transport = r[5], createdAtMs = tonumber(r[6]),
    endedAtMs = now, code = code, botStartMs = tonumber(botStartMs)}))
  redis.call('LTRIM', P .. 'hist', 0, tonumber(historyMax) - 1)
end
return {'ended'}
`,
);
