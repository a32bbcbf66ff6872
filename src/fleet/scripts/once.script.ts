import { RedisScript } from '../redis-script.js';

/**
 * The first answer for a key: `take` makes a node the one that answers, unless it waits for another that is alive, or there is an answer; `keep` keeps the
 * answer; `free` lets another node answer. Each is repeatable by its nonce. A key has the names that nodes give to it while the secret is replaced; the first
 * is this node's.
 */
export const ONCE = new RedisScript(
  'once',
  `
local verb, names, node, nonce, forMs, answer = unpack(ARGV, 1, 6)
local key = P .. 'once:' .. names:match('^%S*')
local mine = 'L ' .. node .. ' ' .. nonce
if verb == 'keep' then
  if redis.call('GET', key) ~= mine then return {'gone'} end
  redis.call('SET', key, 'A ' .. answer, 'PX', forMs)
  return {'ok'}
elseif verb == 'free' then
  if redis.call('GET', key) == mine then redis.call('DEL', key) end
  return {'ok'}
end
for name in names:gmatch('%S+') do
  local known = redis.call('GET', P .. 'once:' .. name)
  if known and known ~= mine then
    local holder = known:match('^L (%S+) ')
    if not holder then return {'answer', known:sub(3), name} end
    local lease = redis.call('ZSCORE', P .. 'nodes', holder)
    if lease and tonumber(lease) > now then return {'wait'} end
  end
end
redis.call('SET', key, mine, 'PX', forMs)
return {'mine'}
`,
);
