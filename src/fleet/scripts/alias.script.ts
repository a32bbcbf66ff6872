import { RedisScript } from '../redis-script.js';

/** Gives a session one more name, under which its owner is found until it ends. Repeatable by nature. */
export const ALIAS = new RedisScript(
  'alias',
  `
local id, name = ARGV[1], ARGV[2]
if redis.call('EXISTS', P .. 's:' .. id) == 0 then return {'gone'} end
return add_name(id, name)
`,
);
