import { RedisScript } from '../redis-script.js';

/**
 * Marks sessions of a node whose lease is over as lost, and frees their places. They stay for the owner to come back, and end when it does not. Rooms that are
 * to be restarted wait for another bot instead, under a new epoch, and are named in the answer. `force` is for a node that leaves of its own accord.
 * Repeatable: the node is removed with its last session.
 */
export const REAP = new RedisScript(
  'reap',
  `
local node, limit, lostMs, force, againMs = unpack(ARGV, 1, 5)
local nodes, mine = P .. 'nodes', P .. 'own:' .. node
if force ~= '1' then
  local lease = redis.call('ZSCORE', nodes, node)
  if not lease then return {'gone', 0, 0} end
  if tonumber(lease) > now then return {'alive', 0, 0} end
  if now < tonumber(redis.call('HGET', P .. 'meta', 'grace') or 0) then return {'grace', 0, 0} end
end
-- A node that comes back has to announce its sessions.
redis.call('HDEL', P .. 'n:' .. node, 'ok')
local ids, restarted, buried = redis.call('SRANDMEMBER', mine, limit), {}, 0
for _, id in ipairs(ids) do
  local key = P .. 's:' .. id
  local r = redis.call('HMGET', key, 'c', 'rs', 'bu', 'al')
  local caller = r[1]
  redis.call('SREM', mine, id)
  if caller and r[3] then
    -- Its end was told before.
    remove(id, '', caller, r[4])
    buried = buried + 1
  elseif caller and r[2] and r[2] ~= '' then
    relaunch(id, r[2], againMs)
    restarted[#restarted + 1] = id
  elseif caller then
    lose(id, caller, lostMs)
  end
end
local left = redis.call('SCARD', mine)
if left == 0 then
  redis.call('ZREM', nodes, node)
  forget(node)
  redis.call('HDEL', P .. 'places', node)
  redis.call('HDEL', P .. 'most', node)
  redis.call('DEL', P .. 'n:' .. node, P .. 'reaping:' .. node)
end
return {'ok', #ids - #restarted - buried, left, restarted}
`,
);
