import { RedisScript } from '../redis-script.js';

/**
 * Has another node run the bot of a room that is no more run here, as if this node were dead: under a new epoch. `none` without a node that takes rooms, or for
 * a room that is not to be restarted. Repeatable by its epoch, and `ok` also for a session that others took over already.
 */
export const HAND_ON = new RedisScript(
  'hand_on',
  `
local id, node, epoch, againMs = unpack(ARGV, 1, 4)
local r = redis.call('HMGET', P .. 's:' .. id, 'st', 'e', 'rs', 'o')
if not r[1] then return {'gone'} end
if tonumber(r[2]) > tonumber(epoch) then return {'ok'} end
if r[1] ~= 'active' or r[4] ~= node or not r[3] or r[3] == '' then return {'none'} end
for _, one in ipairs(redis.call('HKEYS', P .. 'places')) do
  local lease = redis.call('ZSCORE', P .. 'nodes', one)
  -- This node lives, though Redis may not have heard of it for a lease.
  if one == node or (lease and tonumber(lease) > now) then
    redis.call('SREM', P .. 'own:' .. node, id)
    -- A failover may have lost the epoch of this node.
    redis.call('HSET', P .. 's:' .. id, 'e', epoch)
    relaunch(id, r[3], againMs)
    return {'ok'}
  end
end
return {'none'}
`,
);
