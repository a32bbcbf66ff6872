import { RedisScript } from '../redis-script.js';

/**
 * Opens a session within the limits of the fleet, of its caller and, where it is claimed at once, of its node. A room that another node is to serve needs
 * a place that no other one waits for; others need one of all nodes, which are counted anew where the opener's last count would refuse. Repeatable by id
 * and nonce; an id that has ended is never opened again while its end is remembered.
 */
export const OPEN = new RedisScript(
  'open',
  `
local id, opener, nonce, node, transport, kind, callers = unpack(ARGV, 1, 7)
local callerMax, fleetMax, nodeMax, ttlMs, leaseMs = unpack(ARGV, 8, 12)
local version, sealed, nodesMax = ARGV[13], ARGV[14], tonumber(ARGV[15])
local key, caller = P .. 's:' .. id, callers:match('^%S*')
local function room_is_free()
  local waiting, free = redis.call('ZCARD', P .. 'rooms'), 0
  local places = redis.call('HGETALL', P .. 'places')
  for i = 1, #places, 2 do
    local lease = redis.call('ZSCORE', P .. 'nodes', places[i])
    if lease and tonumber(lease) > now then
      free = free + math.max(0, tonumber(places[i + 1]) - redis.call('SCARD', P .. 'own:' .. places[i]))
      if free > waiting then return true end
    end
  end
  return false
end
if redis.call('EXISTS', P .. 't:' .. id) == 1 then return {'ended'} end
local known = redis.call('HMGET', key, 'on', 'e')
if known[2] then
  if known[1] == nonce then return {'ok', known[2]} end
  return {'exists'}
end
local sessions = redis.call('ZCARD', P .. 'idx')
if sessions >= tonumber(fleetMax) then return {'fleet_full', fleetMax} end
if caller ~= '' and count_of(callers) >= tonumber(callerMax) then return {'caller_full'} end
local claimed = node ~= ''
if claimed and redis.call('SCARD', P .. 'own:' .. node) >= tonumber(nodeMax) then return {'node_full'} end
local awaits = kind == 'room' and not claimed
if awaits and not room_is_free() then return {'rooms_full'} end
if kind ~= 'room' and sessions >= nodesMax then
  local most = most_of_nodes()
  if sessions >= most then return {'fleet_full', most} end
end
local expiry = now + tonumber(ttlMs)
redis.call('HSET', key, 'v', version, 'st', claimed and 'active' or 'pending', 'op', opener, 'on', nonce,
  'o', node, 'no', claimed and nonce or '', 'e', claimed and 1 or 0, 'tp', transport, 'k', kind, 'c', caller,
  'at', now, 'pa', now, 'x', expiry, 'b', sealed)
count(id, caller, now)
if claimed then
  own(node, id, tonumber(leaseMs))
elseif awaits then
  await_bot(id, expiry, expiry)
else
  redis.call('ZADD', P .. 'pending', expiry, id)
end
return {'ok', claimed and 1 or 0}
`,
);
