import { RedisScript } from '../redis-script.js';

/**
 * Marks an active session as lost before the lease of its node is over, and frees its places: its connection is known to be over. Answers `lost`, `ended` with
 * the code of its end where that is remembered, or `kept`. Repeatable by nature.
 */
export const ABANDON = new RedisScript(
  'abandon',
  `
local id, lostMs = ARGV[1], ARGV[2]
local r = redis.call('HMGET', P .. 's:' .. id, 'st', 'o', 'c', 'bu', 'al')
local state, owner, caller = unpack(r, 1, 3)
if not state then
  local ended = redis.call('GET', P .. 't:' .. id)
  return {ended and 'ended' or 'kept', ended and ended:match('^%S+') or ''}
end
if state ~= 'active' then return {'kept', ''} end
if r[4] then
  -- Its end was told before.
  remove(id, owner, caller, r[5])
  return {'ended', 'lost'}
end
redis.call('SREM', P .. 'own:' .. owner, id)
lose(id, caller, lostMs)
return {'lost', ''}
`,
);
