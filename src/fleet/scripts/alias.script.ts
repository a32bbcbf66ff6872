import { RedisScript } from '../redis-script.js';

/** The most names of one session, such as its room. */
const MAX_ALIASES = 10;

/** Gives a session one more name, under which its owner is found until it ends. Repeatable by nature. */
export const ALIAS = new RedisScript(
  'alias',
  `
local id, name = ARGV[1], ARGV[2]
local key = P .. 's:' .. id
local r = redis.call('HMGET', key, 'st', 'al')
if not r[1] then return {'gone'} end
local names = r[2] or ''
if redis.call('SADD', P .. 'a:' .. name, id) == 0 then return {'ok'} end
local _, count = names:gsub('%S+', '')
if count >= ${MAX_ALIASES} then
  redis.call('SREM', P .. 'a:' .. name, id)
  return {'full'}
end
redis.call('HSET', key, 'al', names == '' and name or names .. ' ' .. name)
return {'ok'}
`,
);
