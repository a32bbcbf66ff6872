import { RedisScript } from '../redis-script.js';

/**
 * Renews a node's lease by Redis' clock, and hands out what has to be cleaned up, each to one node at a time: dead nodes, expired sessions, and lost ones
 * whose owner did not come back, and rooms whose job may be lost. Nobody is dead while there is grace; at most a third of the nodes, at least one, dies within a lease.
 */
export const BEAT = new RedisScript(
  'beat',
  `
local node, leaseMs, handMs, info, mac, places, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), unpack(ARGV, 4, 7)
local nodes, meta, me, reaped = P .. 'nodes', P .. 'meta', P .. 'n:' .. node, P .. 'reaped'
local m = redis.call('HMGET', meta, 'fp', 'last', 'grace')

-- The first fingerprint is that of the secret that signs.
local fingerprint, ours = m[1], not m[1]
for i = 8, #ARGV do ours = ours or ARGV[i] == fingerprint end
if not ours then
  local mine = redis.call('ZSCORE', nodes, node)
  local living = redis.call('ZCOUNT', nodes, '(' .. now, '+inf')
  if mine and tonumber(mine) > now then living = living - 1 end
  if living > 0 then return {'foreign'} end
end

local last, grace = tonumber(m[2]), tonumber(m[3]) or 0
if not last or now - last > leaseMs / 2 then grace = now + leaseMs end
redis.call('HSET', meta, 'fp', ARGV[8], 'last', now, 'grace', grace)
redis.call('ZADD', nodes, now + leaseMs, node)
redis.call('HSET', me, 'i', info, 'm', mac)
local told = cjson.decode(info)
local state = told.state == 'ready' and told.overloaded and 'overloaded' or told.state
for _, one in ipairs(STATES) do redis.call(one == state and 'SADD' or 'SREM', nodes .. ':' .. one, node) end
-- Places for rooms of other nodes.
if places == '0' then redis.call('HDEL', P .. 'places', node) else redis.call('HSET', P .. 'places', node, places) end
-- A node that drains keeps what it has.
if state == 'draining' then most = redis.call('SCARD', P .. 'own:' .. node) end
redis.call('HSET', P .. 'most', node, most)

local dead, held = {}, 0
if now >= grace then
  local over = redis.call('ZRANGEBYSCORE', nodes, '-inf', now, 'LIMIT', 0, 50)
  if #over > 0 then
    redis.call('ZREMRANGEBYSCORE', reaped, '-inf', now - leaseMs)
    local recently = redis.call('ZRANGE', reaped, 0, -1)
    local begun, total = {}, redis.call('ZCARD', nodes)
    for _, one in ipairs(recently) do
      begun[one] = true
      if not redis.call('ZSCORE', nodes, one) then total = total + 1 end
    end
    local left = math.max(1, math.floor(total / 3)) - #recently
    for _, one in ipairs(over) do
      forget(one)
      if not begun[one] and left > 0 then
        redis.call('ZADD', reaped, now, one)
        begun[one] = true
        left = left - 1
      end
      if not begun[one] then
        held = held + 1
      elseif redis.call('SET', P .. 'reaping:' .. one, node, 'NX', 'PX', handMs) then
        dead[#dead + 1] = one
      end
    end
  end
end

local function due(set)
  local ids = redis.call('ZRANGEBYSCORE', set, '-inf', now, 'LIMIT', 0, 100)
  for _, id in ipairs(ids) do redis.call('ZADD', set, now + handMs, id) end
  return ids
end
return {'ok', now, redis.call('HEXISTS', me, 'ok'), redis.call('SCARD', P .. 'own:' .. node),
  redis.call('ZCARD', P .. 'idx'), held, math.max(0, grace - now), dead, due(P .. 'pending'), due(P .. 'lost'),
  due(P .. 'rooms'), redis.call('ZCARD', nodes), redis.call('SCARD', nodes .. ':ready'),
  redis.call('SCARD', nodes .. ':overloaded'), redis.call('SCARD', nodes .. ':draining'),
  redis.call('ZCARD', P .. 'pending'), redis.call('ZCARD', P .. 'lost'), most_of_nodes()}
`,
);
