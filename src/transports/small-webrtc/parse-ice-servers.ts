import { isObject } from '../../validation/is-object.js';
import type { IceServer } from './peer/peer.js';
import { checkIceServers } from './small-webrtc.options.js';

/**
 * Parses ICE servers from Pipecat's command line and `PIPECAT_ICE_SERVERS`: bare URLs or JSON objects. A text is a JSON array, a JSON object, or
 * comma-separated URLs.
 *
 * @throws {Error} naming the invalid entry
 */
export function parseIceServers(given: string | readonly string[] = []): IceServer[] {
  const entries = typeof given === 'string' ? entriesOf(given.trim()) : given;
  return entries.flatMap((entry) => {
    const text = typeof entry === 'string' ? entry.trim() : JSON.stringify(entry);
    if (text === '') return [];
    const server = /^[{["]/.test(text) ? withoutNull(parse(text)) : { urls: text };
    const problem = checkIceServers([server]);
    if (problem) throw new Error(`ICE server ${text} ${problem.replace(/^\[0\] /, '')}`);
    return server as IceServer;
  });
}

function entriesOf(text: string): readonly unknown[] {
  if (text.startsWith('[')) return parse(text) as unknown[];
  return text.startsWith('{') ? [text] : text.split(',');
}

/** Removes absent credentials. */
function withoutNull(server: unknown): unknown {
  if (!isObject(server)) return server;
  return Object.fromEntries(Object.entries(server).filter(([, value]) => value !== null));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`ICE server ${text} is no JSON`);
  }
}
