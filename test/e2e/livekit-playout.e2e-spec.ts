import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { AudioStream, dispose, Room, RoomEvent, TrackKind } from '@livekit/rtc-node';
import {
  BotLauncher,
  type BotSession,
  createTransport,
  LiveKitModule,
  type RunnerArguments,
  SessionRegistry,
} from '../../src/index.js';
import { LiveKitTestServer } from '../support/livekit-server.js';
import { describeWith } from '../support/needs.js';
import { post, type RunningApp, runnerModule, startApp } from '../support/runner-app.js';
import { tone } from '../support/sound.js';

const RATE_HZ = 24_000;
const SECONDS = 2;

/** Says something for two seconds when a key is pressed, and ends the conversation at once in the way that its `body` says. */
class Farewell extends BotLauncher {
  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const transport = await createTransport(args);
    session.ready();
    await transport.dtmfIn().next();
    void transport.sendAudio({ pcm: tone(440, RATE_HZ, SECONDS), sampleRateHz: RATE_HZ });
    const { by } = args.body as { by: string };
    if (by === 'close') transport.close();
    if (by === 'hangUp') void transport.hangUp();
    if (by !== 'return' && !session.signal.aborted) await once(session.signal, 'abort');
  }
}

describeWith('livekit-server')('the last words of a bot in a LiveKit room', () => {
  let server: LiveKitTestServer;
  let running: RunningApp;

  beforeAll(async () => {
    server = await LiveKitTestServer.reserve();
    const { url, apiKey, apiSecret } = server;
    running = await startApp('fastify', [
      runnerModule('forRoot', {
        launcher: { useClass: Farewell },
        transports: [LiveKitModule.forRoot({ url, apiKey, apiSecret })],
      }),
    ]);
    await server.start(`${running.url}/livekit-webhook`);
  });
  afterAll(async () => {
    await running?.app.close();
    await server?.kill();
    await dispose();
  });

  it.each(['return', 'close', 'hangUp'])('are heard to the end before its %s', async (by) => {
    const { json } = await post(`${running.url}/start`, { transport: 'livekit', body: { by } });
    const session = running.app
      .get(SessionRegistry, { strict: false })
      .get(json.sessionId as string)!;
    const room = new Room();
    const spoken = new Promise<AudioStream>((resolve) =>
      room.on(RoomEvent.TrackSubscribed, (track) => {
        if (track.kind === TrackKind.KIND_AUDIO) resolve(new AudioStream(track, RATE_HZ, 1));
      }),
    );
    await room.connect(json.url as string, json.token as string, {
      autoSubscribe: true,
      dynacast: false,
    });
    const stream = await spoken;
    // Keys are lost until the bot's data channel is open.
    const press = () => void room.localParticipant!.publishDtmf(1, '1').catch(() => undefined);
    const pressing = setInterval(press, 200);
    await hears(stream, SECONDS - 0.1, () => clearInterval(pressing));
    expect(await session.ended).toMatchObject({ code: 'completed' });
    // A hang-up has removed the user.
    if (room.isConnected) await room.disconnect();
  });
});

/** Resolves once so much was heard that is no silence. @throws when the stream ends before */
async function hears(stream: AudioStream, seconds: number, begins: () => void): Promise<void> {
  let samples = 0;
  for await (const { data } of stream) {
    const power = data.reduce((sum, sample) => sum + sample * sample, 0) / data.length;
    if (power <= 1_000) continue;
    begins();
    samples += data.length;
    if (samples >= seconds * RATE_HZ) return;
  }
  throw new Error(`only ${samples / RATE_HZ} s of ${seconds} s were heard`);
}
