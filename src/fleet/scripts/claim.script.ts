import { RedisScript } from '../redis-script.js';

/** Makes a node the only owner of a pending session, and takes one of the node's places in the same step. It says whether
 * the bot of a room is launched again without it, as in ROOM. Repeatable by nonce. */
export const CLAIM = new RedisScript(
  'claim',
  `
local id, node, nonce, nodeMax, leaseMs, minVersion, maxVersion, restartMs = unpack(ARGV, 1, 8)
local key = P .. 's:' .. id
local r = redis.call('HMGET', key, 'st', 'o', 'no', 'e', 'tp', 'k', 'b', 'at', 'op', 'x', 'v', 'r', 'ha', 'bu')
local state, owner, claimedBy, epoch, transport = unpack(r, 1, 5)
if not state then return {'missing'} end
local function answer(e)
  return {'ok', e, transport, r[6], r[7], r[8], r[9], r[12] or '', r[13] and now - r[13] or ''}
end
if state ~= 'pending' then
  if state == 'active' and owner == node and claimedBy == nonce then return answer(epoch) end
  return {'taken'}
end
if tonumber(r[10]) <= now then return {'expired'} end
local fits = false
for i = 9, #ARGV do fits = fits or ARGV[i] == transport end
if not fits then return {'missing'} end
-- Not set up yet.
if r[6] == 'room' and not r[12] then return {'missing'} end
local version = tonumber(r[11])
if version < tonumber(minVersion) or version > tonumber(maxVersion) then return {'unreadable'} end
if redis.call('SCARD', P .. 'own:' .. node) >= tonumber(nodeMax) then return {'node_full'} end
epoch = tonumber(epoch) + 1
redis.call('HSET', key, 'st', 'active', 'o', node, 'no', nonce, 'e', epoch, 'pa', now)
if r[6] == 'room' then redis.call('HSET', key, 'rs', r[14] and '' or restartMs) end
redis.call('ZREM', P .. 'pending', id)
redis.call('ZREM', P .. 'rooms', id)
own(node, id, tonumber(leaseMs))
return answer(epoch)
`,
);
