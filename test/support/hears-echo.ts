import { expect } from '@jest/globals';
import { OPUS_OUTPUT_HZ } from '../../src/media/codecs/opus.js';
import { atRate, found, speech } from './sound.js';
import { HEARD_HZ, type WebRtcClient } from './webrtc-client.js';

/** Time in which what is said has to come back whole, in milliseconds: on a busy machine some of it is late, again and again. */
const ECHO_MS = 15_000;

/** Options of {@link hearsEcho}. */
export interface EchoOptions {
  /** Length of what is said, in seconds. @default 2 */
  readonly seconds?: number;
  /** Called at each attempt. */
  readonly during?: () => Promise<void>;
  /** End of the call, after which nothing comes back. */
  readonly ended?: Promise<unknown>;
}

/** Says something until it comes back whole. */
export async function hearsEcho(
  client: WebRtcClient,
  { seconds = 2, during, ended = new Promise(() => undefined) }: EchoOptions = {},
): Promise<void> {
  const said = speech(seconds);
  const endMs = performance.now() + ECHO_MS;
  const echo = async (): Promise<number> => {
    let similarity = 0;
    while (similarity < 0.8 && performance.now() < endMs) {
      const before = client.heard.length;
      await Promise.all([client.speak(atRate(said, 8_000, OPUS_OUTPUT_HZ)), during?.()]);
      await client.listen(0.5);
      similarity = found(client.heard.subarray(before), HEARD_HZ, said, 8_000);
    }
    return similarity;
  };
  expect(await Promise.race([echo(), ended])).toBeGreaterThan(0.8);
}
