import { RedisScript } from '../redis-script.js';

/** Tells what became of sessions that a node has opened: `pending`; `here`, this node's; `there`, another's; `ended` with its code; or `gone`. */
export const FOLLOW = new RedisScript(
  'follow',
  `
local words = {}
for i = 2, #ARGV do
  local r = redis.call('HMGET', P .. 's:' .. ARGV[i], 'st', 'o')
  local word = 'gone'
  if r[1] == 'pending' then
    word = 'pending'
  elseif r[1] then
    word = r[2] == ARGV[1] and 'here' or 'there'
  else
    local ended = redis.call('GET', P .. 't:' .. ARGV[i])
    if ended then word = 'ended ' .. ended:match('^%S+') end
  end
  words[#words + 1] = word
end
return words
`,
);
