import { RedisScript } from '../redis-script.js';

/** Commands of the fleet, each with arguments; `K` is a key that is gone afterwards. */
export const FLEET_COMMANDS = [
  ...['SET K 1', 'GET K', 'EXISTS K', 'TIME'],
  ...['HSET K f 1', 'HGET K f', 'HMGET K f', 'HGETALL K', 'HKEYS K', 'HVALS K'],
  ...['HEXISTS K f', 'HDEL K f'],
  ...['SADD K 1', 'SREM K 1', 'SCARD K', 'SMEMBERS K', 'SRANDMEMBER K'],
  ...['ZADD K 1 m', 'ZCARD K', 'ZCOUNT K 0 1', 'ZSCORE K m', 'ZRANGE K 0 0', 'ZRANDMEMBER K'],
  ...['ZRANGEBYSCORE K 0 1', 'ZREM K m', 'ZREMRANGEBYSCORE K 0 1'],
  ...['LPUSH K 1', 'LTRIM K 0 0', 'LRANGE K 0 0'],
];

/** Those that BullMQ's scripts need beside them to hand a room over. */
export const QUEUE_COMMANDS = [
  ...['INCR K', 'PERSIST K', 'PEXPIRE K 1000', 'PTTL K', 'HINCRBY K f 1', 'HMSET K f 1'],
  ...['LLEN K', 'LPOS K 1', 'LREM K 0 1', 'RPOPLPUSH K K', 'RPUSH K 1'],
  ...['XADD K * f 1', 'XTRIM K MAXLEN 0'],
  ...['ZPOPMIN K', 'ZREVRANGE K 0 0', 'ZREVRANGEBYSCORE K 1 0', 'ZREMRANGEBYRANK K 0 0'],
];

/** Returns which commands Redis does not let its user run. All but those are carried out, or fail. */
export const RIGHTS = new RedisScript(
  'rights',
  `
local key = KEYS[1] .. 'rights:' .. ARGV[1]
local denied = {}
local function try(words)
  local answer = redis.pcall(unpack(words))
  local text = type(answer) == 'table' and answer.err or ''
  if text:find("can't run this command", 1, true) or text:find('permissions to run', 1, true) then
    table.insert(denied, words[1])
  end
end
for at = 2, #ARGV do
  local words = {}
  for word in ARGV[at]:gmatch('%S+') do table.insert(words, word == 'K' and key or word) end
  try(words)
  try({'DEL', key})
end
return denied
`,
  '',
);
