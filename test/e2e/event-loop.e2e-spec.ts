import type { LoggerService } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type BotSession,
  createTransport,
  MetricsModule,
  RtviSession,
  RunnerModule,
  type RunnerOptions,
  WebSocketModule,
} from '../../src/index.js';
import { connectClient, type FakeClient, RecordingLauncher } from '../../src/testing/index.js';
import { closeApps, PLATFORMS, post, type RunningApp, startApp } from '../support/runner-app.js';
import { tone } from '../support/sound.js';

/** Longer than the default of `blockedLoopWarnMs` by more than a beat of the watchdog. */
const HELD_MS = 400;

/** The warnings of the watchdog. */
let warnings: { context: string; text: string }[] = [];
const logger: LoggerService = {
  log: () => undefined,
  error: () => undefined,
  warn: (text: string, context: string) => {
    if (text.includes('event loop')) warnings.push({ context, text });
  },
};

afterEach(async () => {
  await closeApps();
  warnings = [];
});

function block(): void {
  const untilMs = performance.now() + HELD_MS;
  while (performance.now() < untilMs);
}

/** A bot that holds the event loop once, where its body says. */
const launcher = () =>
  new RecordingLauncher(async (args, session) => {
    const { body: place } = args as { body: string };
    if (place === 'launch()') block();
    session.onRequest(() => {
      if (place === 'a request handler') block();
      return new Response('done');
    });
    session.signal.addEventListener('abort', () => {
      if (place === 'its signal') block();
    });
    const transport = await createTransport(args);
    transport.once('audio', () => {
      if (place === 'a media listener') block();
    });
    const rtvi = new RtviSession(transport);
    rtvi.on('send-text', () => {
      if (place === 'an RTVI listener') block();
    });
    rtvi.onClientMessage(() => {
      if (place === 'a client message handler') block();
      return 'done';
    });
    session.ready();
    if (place === 'a timer') setTimeout(block, 150);
    if (place === 'its loop over the audio') {
      for await (const { pcm } of transport.audioIn()) {
        if (pcm.length === 0) continue;
        block();
        break;
      }
    }
    await stopped(session);
  });

const stopped = ({ signal }: BotSession): Promise<unknown> =>
  new Promise((resolve) => signal.addEventListener('abort', resolve));

async function start(
  platform: (typeof PLATFORMS)[number],
  options: RunnerOptions = {},
): Promise<RunningApp> {
  return startApp(
    platform,
    [
      RunnerModule.forRoot({
        launcher: { useValue: launcher() },
        transports: [WebSocketModule.forRoot()],
        features: [MetricsModule.forRoot()],
        ...options,
      }),
    ],
    (app) => app.useLogger(logger),
  );
}

async function open(url: string, body: string): Promise<{ id: string; client: FakeClient }> {
  const { json, sessionId } = await post(`${url}/start`, { transport: 'websocket', body });
  return { id: sessionId, client: await connectClient(String(json.wsUrl)) };
}

const request = (url: string, id: string): Promise<Response> => fetch(`${url}/sessions/${id}/ask`);

/** Waits until the loop has had several turns, and the watchdog a beat. */
async function settled(url: string): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 200));
  await fetch(`${url}/status`);
}

type Trigger = (client: FakeClient, url: string, id: string) => unknown;
const speaks: Trigger = (client) => client.speak(tone(440, 16_000, 0.02));

const PLACES: [place: string, trigger: Trigger][] = [
  ['launch()', () => undefined],
  ['a media listener', speaks],
  ['an RTVI listener', (client) => client.send('send-text', { content: 'Hello' })],
  ['a client message handler', (client) => client.send('client-message', { t: 'ask' })],
  ['a request handler', (_client, url, id) => request(url, id)],
  ['its signal', (_client, url, id) => fetch(`${url}/sessions/${id}`, { method: 'DELETE' })],
];

describe.each(PLATFORMS)('a bot that holds the event loop on %s', (platform) => {
  it.each(PLACES)('is named, and no other, for %s', async (place, trigger) => {
    const { url } = await start(platform);
    const bystander = await open(url, 'nowhere');
    const { id, client } = await open(url, place);
    const triggered = trigger(client, url, id);
    // These wait for their turn meanwhile, and are not to blame.
    await Promise.all([
      triggered,
      speaks(bystander.client, url, bystander.id),
      request(url, bystander.id),
    ]);
    await settled(url);
    expect(warnings).toEqual([
      {
        context: `Session ${id}`,
        text: expect.stringMatching(/^the bot held the event loop for \d{3,4} ms; .*ProcessBotL/),
      },
    ]);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('pipecat_event_loop_blocked_seconds_count{cause="bot"} 1');
  });

  it('is named in doubt for its loop over the audio', async () => {
    const { url } = await start(platform);
    const bystander = await open(url, 'nowhere');
    const { id, client } = await open(url, 'its loop over the audio');
    await speaks(client, url, id);
    await speaks(bystander.client, url, bystander.id);
    await settled(url);
    expect(warnings).toEqual([
      {
        context: `Session ${id}`,
        text: expect.stringMatching(
          /^the event loop was held after a call of the bot, by it or by the host, for \d{3,4} ms; /,
        ),
      },
    ]);
  });

  it('is one of the sessions that are named for a timer', async () => {
    const { url } = await start(platform);
    const { id } = await open(url, 'a timer');
    await settled(url);
    await settled(url);
    expect(warnings).toEqual([
      {
        context: 'PipecatRunner',
        text: expect.stringMatching(
          RegExp(`^a bot \\(sessions: ${id}\\) or the host held the event loop for \\d{3,4} ms; `),
        ),
      },
    ]);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('pipecat_event_loop_blocked_seconds_count{cause="unknown"} 1');
  });

  it('is logged once a minute, and counted each time', async () => {
    const { url } = await start(platform);
    const { id } = await open(url, 'a request handler');
    for (let i = 0; i < 3; i++) await request(url, id);
    expect(warnings.map(({ context }) => context)).toEqual([`Session ${id}`]);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('pipecat_event_loop_blocked_seconds_count{cause="bot"} 3');
  });

  it('is not named with blockedLoopWarnMs: Infinity', async () => {
    const { url } = await start(platform, { blockedLoopWarnMs: Infinity });
    const { id } = await open(url, 'a request handler');
    await request(url, id);
    await settled(url);
    expect(warnings).toEqual([]);
  });
});
