import { RedisScript } from '../redis-script.js';

/** Fields of each announced session, in the order of the script's arguments. */
export const ANNOUNCED_FIELDS = 16;

/**
 * Records again what a node has, after the directory or a failover lost it, or after the node was taken for dead. The node's word wins over a loss that is
 * still provisional. Answers for each session: `kept`; `taken` by another owner; `gone`, ended; or `buried`: it is recorded again, but its end as lost was
 * reported already. Repeatable by nature. Places are not limited here: the sessions exist.
 */
export const ANNOUNCE = new RedisScript(
  'announce',
  `
local node, isLast, leaseMs, version = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local words = {}
-- Redis may not have heard of them at their time.
local function describe(id, room, restartMs, aliases, phase, sinceMs, botStartMs)
  if room ~= '' then redis.call('HSET', P .. 's:' .. id, 'r', room, 'rs', restartMs) end
  if phase ~= '' then redis.call('HSET', P .. 's:' .. id, 'ph', phase, 'pa', sinceMs, 'bs', botStartMs) end
  for name in aliases:gmatch('%S+') do add_name(id, name) end
end
local function announce(id, state, epoch, nonce, transport, kind, caller, ageMs, ttlMs, sealed, room, restartMs,
  aliases, ...)
  local key = P .. 's:' .. id
  local active = state == 'active'
  local r = redis.call('HMGET', key, 'st', 'o', 'e', 'at', 'bu', 'c')
  if not r[1] then
    local ended = redis.call('GET', P .. 't:' .. id)
    local buried = ended and active and ended:sub(1, 5) == 'lost ' and ended:sub(-4) ~= ' own'
    if ended and not buried then return 'gone' end
    local at, expiry = now - tonumber(ageMs), now + tonumber(ttlMs)
    redis.call('HSET', key, 'v', version, 'st', state, 'op', node, 'on', nonce, 'o', active and node or '',
      'no', active and nonce or '', 'e', epoch, 'tp', transport, 'k', kind, 'c', caller, 'at', at, 'x', expiry,
      'b', sealed)
    count(id, caller, at)
    -- Nobody launches again what was told to be over.
    describe(id, room, buried and '' or restartMs, aliases, ...)
    if active then own(node, id, leaseMs) else redis.call('ZADD', P .. 'pending', expiry, id) end
    if not buried then return 'kept' end
    redis.call('HSET', key, 'bu', 1)
    return 'buried'
  end
  if not active then return 'kept' end
  local theirs, mine = tonumber(r[3]), tonumber(epoch)
  if mine < theirs or (mine == theirs and r[2] ~= node) then return 'taken' end
  if r[1] ~= 'active' or r[2] ~= node or mine > theirs then
    if r[2] ~= '' then redis.call('SREM', P .. 'own:' .. r[2], id) end
    redis.call('ZREM', P .. 'pending', id)
    redis.call('ZREM', P .. 'rooms', id)
    redis.call('ZREM', P .. 'lost', id)
    redis.call('HSET', key, 'st', 'active', 'o', node, 'no', nonce, 'e', epoch)
    count(id, r[6], r[4])
  end
  own(node, id, leaseMs)
  describe(id, room, r[5] and '' or restartMs, aliases, ...)
  return r[5] and 'buried' or 'kept'
end
for i = 5, #ARGV, ${ANNOUNCED_FIELDS} do words[#words + 1] = announce(unpack(ARGV, i, i + ${ANNOUNCED_FIELDS - 1})) end
if isLast == '1' then
  redis.call('ZADD', P .. 'nodes', 'NX', now + leaseMs, node)
  redis.call('HSET', P .. 'n:' .. node, 'ok', 1)
end
return words
`,
);
