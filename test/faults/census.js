// Counts what a process holds, so that two counts can be compared. `countTimers()` comes before anything that sets one.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { promisify } from 'node:util';
import { ModulesContainer } from '@nestjs/core';

const timers = new Set();

/** Keeps book of every timer, for `process.getActiveResourcesInfo()` leaves out those that do not keep the process alive. */
export function countTimers() {
  for (const name of ['setTimeout', 'setInterval']) {
    const real = globalThis[name];
    globalThis[name] = (...args) => {
      const timer = real(...args);
      timers.add(timer);
      return timer;
    };
    globalThis[name][promisify.custom] = real[promisify.custom];
  }
}

/** Timers that have not ended. The book forgets the others. */
export function liveTimers() {
  for (const timer of timers) if (timer._destroyed) timers.delete(timer);
  return [...timers];
}

/** Current resources by kind and number, with `heapUsed` after garbage collection. @param sessions weak references to all sessions so far */
export function census(app, sessions) {
  const live = liveTimers();
  for (let i = 0; i < 4; i++) globalThis.gc();
  for (const session of sessions) if (!session.deref()) sessions.delete(session);
  return {
    timers: countBy(live, (timer) => String(timer._onTimeout).slice(0, 80)),
    // With the timers of `node:timers/promises`, which are not in the book.
    resources: countBy(process.getActiveResourcesInfo().filter((type) => type !== 'Immediate')),
    fds: countBy(openFiles()),
    children: readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim(),
    listeners: Object.fromEntries(
      process.eventNames().map((name) => [String(name), process.listenerCount(name)]),
    ),
    collections: collections(app),
    sessions: sessions.size,
    heapUsed: process.memoryUsage().heapUsed,
  };
}

function countBy(list, keyOf = (one) => one) {
  const counts = {};
  for (const one of list) counts[keyOf(one)] = (counts[keyOf(one)] ?? 0) + 1;
  return counts;
}

function openFiles() {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).replace(/\d+/g, '');
    } catch {
      // The one that listed them.
      return [];
    }
  });
}

/** Whoever leads to all of Nest, or to the network, where others keep their own books. */
const NOT_OURS = new Set([
  'ApplicationConfig',
  'HttpAdapterHost',
  'InternalCoreModule',
  'ModuleRef',
  'ModulesContainer',
  'Reflector',
  'Server',
  'ExternalContextCreator',
  'SerializedGraph',
  'LazyModuleLoader',
  'DiscoveryService',
]);

/** Sizes of all maps, sets and arrays reachable from the runner's providers and controllers. */
function collections(app) {
  const sizes = {};
  const seen = new Set();
  const visit = (value, path, depth) => {
    if (typeof value !== 'object' || value === null || seen.has(value) || depth > 8) return;
    if (Buffer.isBuffer(value) || NOT_OURS.has(value.constructor?.name)) return;
    seen.add(value);
    if (value instanceof Map || value instanceof Set || Array.isArray(value)) {
      const size = value.size ?? value.length;
      // A list of one or two things is rather a value.
      if (!Array.isArray(value) || size > 2) sizes[path] = size;
      if (Array.isArray(value)) value.forEach((one, i) => visit(one, `${path}[${i}]`, depth + 1));
      return;
    }
    for (const [key, one] of Object.entries(value)) visit(one, `${path}.${key}`, depth + 1);
  };
  for (const { providers, controllers } of app.get(ModulesContainer).values()) {
    for (const { instance } of [...providers.values(), ...controllers.values()]) {
      if (instance) visit(instance, instance.constructor?.name ?? '?', 0);
    }
  }
  return sizes;
}
