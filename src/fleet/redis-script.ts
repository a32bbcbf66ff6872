import { createHash } from 'node:crypto';
import { textOfThrown } from '../errors/thrown.js';

/** Commands that scripts need of an `ioredis` client, of one server or a Cluster. */
export interface ScriptClient {
  evalsha(sha: string, keys: number, ...args: string[]): Promise<unknown>;
  eval(lua: string, keys: number, ...args: string[]): Promise<unknown>;
}

/** The most names of one session, such as its room. */
const MAX_NAMES = 10;

/** Parts that all scripts share: Redis' own clock, in milliseconds, and the sets whose sizes are the counts. */
const PRELUDE = `
local P = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function count(id, caller, at)
  redis.call('ZADD', P .. 'idx', at, id)
  if caller ~= '' then redis.call('SADD', P .. 'c:' .. caller, id) end
end
-- Sessions of a caller, under the names that nodes give to it while the secret is replaced; the first is this node's.
local function count_of(callers)
  local sessions = 0
  for caller in callers:gmatch('%S+') do sessions = sessions + redis.call('SCARD', P .. 'c:' .. caller) end
  return sessions
end
local function uncount(id, caller)
  redis.call('ZREM', P .. 'idx', id)
  if caller ~= '' then redis.call('SREM', P .. 'c:' .. caller, id) end
end
-- Provisionally: its owner may come back.
local function lose(id, caller, lostMs)
  uncount(id, caller)
  redis.call('HSET', P .. 's:' .. id, 'st', 'lost')
  redis.call('ZADD', P .. 'lost', now + tonumber(lostMs), id)
end
-- Removes the record of a session, with its other names.
local function remove(id, owner, caller, names)
  uncount(id, caller)
  for _, set in ipairs({'pending', 'rooms', 'lost'}) do redis.call('ZREM', P .. set, id) end
  if owner ~= '' then redis.call('SREM', P .. 'own:' .. owner, id) end
  for name in (names or ''):gmatch('%S+') do redis.call('SREM', P .. 'a:' .. name, id) end
  redis.call('DEL', P .. 's:' .. id)
end
-- Nodes that were heard are in the set of their state; the others are silent.
local STATES = {'ready', 'overloaded', 'draining'}
local function forget(node)
  for _, state in ipairs(STATES) do redis.call('SREM', P .. 'nodes:' .. state, node) end
end
-- Gives a session one more name, under which its owner is found until it ends.
local function add_name(id, name)
  local key = P .. 's:' .. id
  local names = redis.call('HGET', key, 'al') or ''
  if not (' ' .. names .. ' '):find(' ' .. name .. ' ', 1, true) then
    local _, count = names:gsub('%S+', '')
    if count >= ${MAX_NAMES} then return {'full'} end
    redis.call('HSET', key, 'al', names == '' and name or names .. ' ' .. name)
  end
  redis.call('SADD', P .. 'a:' .. name, id)
  return {'ok'}
end
-- A session of a room, from now until a node has claimed it to run its bot. Its score is when its job is handed out again.
local function await_bot(id, expiry, again)
  redis.call('HSET', P .. 's:' .. id, 'x', expiry, 'ha', now)
  redis.call('ZADD', P .. 'pending', expiry, id)
  redis.call('ZADD', P .. 'rooms', again, id)
end
-- A session of a room whose bot another node is to run, for up to restartMs from now. Its former owner has an older epoch.
local function relaunch(id, restartMs, againMs)
  local key = P .. 's:' .. id
  redis.call('HSET', key, 'st', 'pending', 'o', '', 'no', '', 'e', redis.call('HGET', key, 'e') + 1)
  redis.call('HDEL', key, 'ph', 'bs')
  await_bot(id, now + tonumber(restartMs), now + tonumber(againMs))
end
-- The most sessions of all nodes; there is no limit while none has told its own, as in a Redis that was emptied.
local function most_of_nodes()
  local all = redis.call('HVALS', P .. 'most')
  local sum = #all == 0 and math.huge or 0
  for _, most in ipairs(all) do sum = sum + tonumber(most) end
  return sum
end
-- An owner is always in the table of nodes, so that a failover cannot leave sessions that nobody reaps.
local function own(node, id, leaseMs)
  redis.call('SADD', P .. 'own:' .. node, id)
  redis.call('ZADD', P .. 'nodes', 'NX', now + leaseMs, node)
end
`;

/** Lua script of the directory. Its only declared key is the prefix of all keys, whose hash tag puts them into one slot. */
export class RedisScript {
  readonly lua: string;
  readonly sha: string;

  constructor(
    readonly name: string,
    body: string,
    prelude = PRELUDE,
  ) {
    this.lua = `${prelude}${body}`;
    this.sha = createHash('sha1').update(this.lua).digest('hex');
  }

  /** Runs the script, by its hash where the server knows it. */
  async run(client: ScriptClient, prefix: string, args: readonly string[]): Promise<unknown> {
    try {
      return await client.evalsha(this.sha, 1, prefix, ...args);
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return client.eval(this.lua, 1, prefix, ...args);
    }
  }
}

const isUnknownScript = (error: unknown): boolean =>
  textOfThrown(error).message.startsWith('NOSCRIPT');
