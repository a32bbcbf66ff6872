import { RedisScript } from '../redis-script.js';

/**
 * The first answer for a key: `take` makes a node the one that answers, unless it waits for another that is alive, or there is an answer; `keep` keeps the
 * answer; `free` lets another node answer. Each is repeatable by its nonce.
 */
export const ONCE = new RedisScript(
  'once',
  `
local verb, key, node, nonce, forMs, answer = unpack(ARGV, 1, 6)
key = P .. 'once:' .. key
local mine = 'L ' .. node .. ' ' .. nonce
local known = redis.call('GET', key)
if verb == 'keep' then
  if known ~= mine then return {'gone'} end
  redis.call('SET', key, 'A ' .. answer, 'PX', forMs)
  return {'ok'}
elseif verb == 'free' then
  if known == mine then redis.call('DEL', key) end
  return {'ok'}
end
if known and known ~= mine then
  local holder = known:match('^L (%S+) ')
  if not holder then return {'answer', known:sub(3)} end
  local lease = redis.call('ZSCORE', P .. 'nodes', holder)
  if lease and tonumber(lease) > now then return {'wait'} end
end
redis.call('SET', key, mine, 'PX', forMs)
return {'mine'}
`,
);
