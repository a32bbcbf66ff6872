// What rows assert, and what they read.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { inChunks, talks } from './world.js';

/** Asserts that each session has ended once, with a code if one is given. */
export function endsOf(world, joined, code) {
  const ids = joined.map(({ id }) => id);
  const told = ids.map((id) => world.ends.get(id) ?? []);
  const twice = told.filter((codes) => codes.length > 1).length;
  const never = told.filter((codes) => codes.length === 0).length;
  assert.deepEqual({ twice, never }, { twice: 0, never: 0 }, 'ends of sessions');
  if (code) assert.deepEqual(new Set(told.flat()), new Set([code]), 'codes');
  return { ended: told.length, 'told twice': twice };
}

export const endedOf = (world, joined) => joined.filter(({ id }) => world.ends.has(id)).length;

export async function silentOf(joined) {
  const heard = await inChunks(joined, 100, (one) => talks(one));
  return heard.filter((hears) => !hears).length;
}

export async function untilEnded(world, joined, withinMs) {
  const begunMs = performance.now();
  while (endedOf(world, joined) < joined.length) {
    if (performance.now() - begunMs > withinMs) break;
    await sleep(50);
  }
  return Math.round(performance.now() - begunMs);
}

/** All that Redis has, as text. */
export async function dumpOf(world) {
  const { redis } = world;
  const keys = await world.keys('*');
  const values = await inChunks(keys, 100, async (key) => {
    const read = {
      string: () => redis.get(key),
      hash: () => redis.hgetall(key),
      list: () => redis.lrange(key, 0, -1),
      set: () => redis.smembers(key),
      zset: () => redis.zrange(key, 0, -1),
    }[await redis.type(key)];
    return JSON.stringify([key, await read?.()]);
  });
  return values.join('\n');
}

/** Kinds of keys that stay until they are removed; `n:` are the nodes that are there. */
export async function keysForGood(world) {
  const { redis } = world;
  const prefix = world.key('');
  const keys = (await world.keys('*')).filter((one) => !one.startsWith(`${prefix}n:`));
  const stay = await inChunks(keys, 100, async (one) => ((await redis.ttl(one)) < 0 ? [one] : []));
  return stay
    .flat()
    .map((one) => one.slice(prefix.length))
    .sort();
}

export async function usageOf({ redis }) {
  const info = await redis.info('all');
  const field = (name) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)[1]);
  return {
    bytes: field('used_memory'),
    commands: field('total_commands_processed'),
    cpuUs: (field('used_cpu_user') + field('used_cpu_sys')) * 1e6,
  };
}
