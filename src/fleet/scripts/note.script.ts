import { RedisScript } from '../redis-script.js';

/** Fields of each note, in the order of the script's arguments. */
const NOTE_FIELDS = 4;

/** Writes down how far a node's sessions are, for lists. Repeatable by nature. */
export const NOTE = new RedisScript(
  'note',
  `
local node = ARGV[1]
for i = 2, #ARGV, ${NOTE_FIELDS} do
  local id, phase, sinceMs, botStartMs = unpack(ARGV, i, i + ${NOTE_FIELDS - 1})
  local key = P .. 's:' .. id
  if redis.call('HGET', key, 'o') == node then
    redis.call('HSET', key, 'ph', phase, 'pa', sinceMs, 'bs', botStartMs)
  end
end
return {'ok'}
`,
);
