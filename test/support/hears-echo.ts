import { expect } from '@jest/globals';
import { OPUS_OUTPUT_HZ } from '../../src/media/codecs/opus.js';
import { atRate, found, speech } from './sound.js';
import { HEARD_HZ, type WebRtcClient } from './webrtc-client.js';

const ATTEMPTS = 3;

/**
 * Says something until it comes back whole: a machine that is busy with other tests may be too late for some of it.
 * @param during what is done at each attempt
 */
export async function hearsEcho(
  client: WebRtcClient,
  during: () => Promise<void> = async () => undefined,
): Promise<void> {
  let similarity = 0;
  for (let attempt = 0; attempt < ATTEMPTS && similarity < 0.8; attempt++) {
    const before = client.heard.length;
    await Promise.all([client.speak(atRate(speech(3), 8_000, OPUS_OUTPUT_HZ)), during()]);
    await client.listen(0.5);
    similarity = found(client.heard.subarray(before), HEARD_HZ, speech(3), 8_000);
  }
  expect(similarity).toBeGreaterThan(0.8);
}
