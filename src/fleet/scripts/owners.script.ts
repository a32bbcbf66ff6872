import { RedisScript } from '../redis-script.js';

/** The most sessions of one name that are looked at. */
const MAX_SESSIONS = 2_000;

/** Returns the nodes that own sessions of any of the names, each once. */
export const OWNERS = new RedisScript(
  'owners',
  `
local owners, seen = {}, {}
for _, name in ipairs(ARGV) do
  for i, id in ipairs(redis.call('SMEMBERS', P .. 'a:' .. name)) do
    if i > ${MAX_SESSIONS} then break end
    local r = redis.call('HMGET', P .. 's:' .. id, 'st', 'o')
    if r[1] == 'active' and not seen[r[2]] then
      seen[r[2]] = true
      owners[#owners + 1] = r[2]
    end
  end
end
return owners
`,
);
