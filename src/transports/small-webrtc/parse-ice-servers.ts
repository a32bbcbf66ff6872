import type { IceServer } from './peer/peer.js';
import { checkIceServers } from './small-webrtc.options.js';

/**
 * ICE servers as Pipecat's command line and `PIPECAT_ICE_SERVERS` name them: bare URLs or JSON objects; a text is a JSON array, a
 * JSON object, or URLs with commas between.
 *
 * @throws {Error} naming the entry that cannot be used
 */
export function parseIceServers(given: string | readonly string[] = []): IceServer[] {
  const entries = typeof given === 'string' ? entriesOf(given.trim()) : given;
  return entries.flatMap((entry) => {
    const text = typeof entry === 'string' ? entry.trim() : JSON.stringify(entry);
    if (text === '') return [];
    const server: unknown = /^[{["]/.test(text) ? parse(text) : { urls: text };
    const problem = checkIceServers([server]);
    if (problem) throw new Error(`ICE server ${text} ${problem.replace(/^\[0\] /, '')}`);
    return server as IceServer;
  });
}

function entriesOf(text: string): readonly unknown[] {
  if (text.startsWith('[')) return parse(text) as unknown[];
  return text.startsWith('{') ? [text] : text.split(',');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`ICE server ${text} is no JSON`);
  }
}
