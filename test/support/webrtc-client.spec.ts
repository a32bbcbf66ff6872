import { afterEach, describe, expect, it } from '@jest/globals';
import { RunnerModule, SmallWebRtcModule } from '../../src/index.js';
import { EchoBot } from '../../src/standalone/echo.bot.js';
import { type RunningApp, startApp } from './runner-app.js';
import { WebRtcClient } from './webrtc-client.js';

/** Longer than the half a second after which werift's client repeats its hello. */
const HELD_MS = 700;
/** Time between werift's `connecting` and its hello. */
const HELLO_MS = 100;

let running: RunningApp | undefined;
let client: WebRtcClient | undefined;
afterEach(async () => {
  await client?.leave();
  await running?.app.close();
  running = client = undefined;
});

/** Holds the event loop, as a busy machine does. */
function hold(ms: number): void {
  for (const endMs = performance.now() + ms; performance.now() < endMs;);
}

describe('WebRtcClient', () => {
  it('connects although the event loop was held when it said hello', async () => {
    const modules = { launcher: { useClass: EchoBot }, transports: [SmallWebRtcModule.forRoot()] };
    running = await startApp('fastify', [RunnerModule.forRoot(modules)]);
    client = await WebRtcClient.offer({ offerUrl: `${running.url}/api/offer` });
    const [dtls] = client.pc.dtlsTransports;
    expect(dtls!.state).toBe('new');
    dtls!.onStateChange.subscribe((state) => {
      if (state === 'connecting') setTimeout(() => hold(HELD_MS), HELLO_MS);
    });
    await client.opened();
    expect(client.pc.connectionState).toBe('connected');
  });
});
