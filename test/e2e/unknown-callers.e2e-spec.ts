import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { WebSocket } from 'ws';
import {
  createTransport,
  RunnerModule,
  type RunnerOptions,
  type Session,
  SessionRegistry,
  TelephonyModule,
  type WebSocketRunnerArguments,
} from '../../src/index.js';
import { MediaUnavailableError } from '../../src/bot.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { Lines } from '../support/lines.js';
import { closeOf, connect, type RunningApp, startApp } from '../support/runner-app.js';

const CONNECTED = '{"event":"connected","protocol":"Call"}';
const START = JSON.stringify({
  event: 'start',
  start: { streamSid: 'MZ1', callSid: 'CA1', customParameters: { a: '1' } },
});

let running: RunningApp | undefined;
afterEach(async () => {
  await running?.app.close();
  running = undefined;
});

async function start(
  telephony: Parameters<typeof TelephonyModule.forRoot>[0] = { unknownCallers: 'bot' },
  options: RunnerOptions = {},
) {
  const launcher = new RecordingLauncher();
  running = await startApp('fastify', [
    RunnerModule.forRoot({
      launcher: { useValue: launcher },
      transports: [TelephonyModule.forRoot(telephony)],
      ...options,
    }),
  ]);
  const url = `${running.wsUrl}/ws`;
  return { url, launcher, registry: running.app.get(SessionRegistry, { strict: false }) };
}

const socketOf = (args: unknown): WebSocket => (args as WebSocketRunnerArguments).websocket;

/** The first messages that somebody reads. */
async function messages(socket: WebSocket, count: number): Promise<[string, boolean][]> {
  const got: [string, boolean][] = [];
  await new Promise<void>((resolve) =>
    socket.on('message', (data: Buffer, isBinary) => {
      if (got.push([data.toString(), isBinary]) === count) resolve();
    }),
  );
  return got;
}

describe("unknownCallers: 'bot'", () => {
  it('gives a peer that nobody claims to the bot, with everything it has sent', async () => {
    const { url, launcher } = await start();
    const client = await connect(url);
    client.send('{"hello":1}');
    client.send(Buffer.from('sound'));
    for (let i = 0; i < 5; i++) client.send(`more ${i}`);
    const { args, session } = await launcher.nextLaunch();
    expect(args).toMatchObject({ session_id: session.id });
    expect((args as WebSocketRunnerArguments).transport_type).toBeUndefined();
    expect(args.call_data).toBeUndefined();
    expect(await messages(socketOf(args), 7)).toEqual([
      ['{"hello":1}', false],
      ['sound', true],
      ...Array.from({ length: 5 }, (_, i) => [`more ${i}`, false]),
    ]);
    socketOf(args).send('answer');
    const [answer] = (await once(client, 'message')) as [Buffer];
    expect(answer.toString()).toBe('answer');
    client.close();
    await expect((session as Session).ended).resolves.toMatchObject({ code: 'peer_left' });
  });

  it.each([
    ['nothing', []],
    ['one message', ['{"hello":1}']],
  ])('gives a peer that sends %s and waits to the bot after a second', async (_, sent) => {
    const { url, launcher } = await start();
    const connectedAtMs = performance.now();
    const client = await connect(url);
    sent.forEach((message) => client.send(message));
    const { args } = await launcher.nextLaunch();
    expect(performance.now() - connectedAtMs).toBeGreaterThan(900);
    client.send('then');
    expect(await messages(socketOf(args), sent.length + 1)).toEqual(
      [...sent, 'then'].map((text) => [text, false]),
    );
    client.close();
  });

  it('still has createTransport detect a carrier that was slow', async () => {
    const { url, launcher } = await start();
    const client = await connect(url);
    client.send(CONNECTED);
    const { args } = await launcher.nextLaunch();
    expect((args as WebSocketRunnerArguments).transport_type).toBeUndefined();
    const connecting = createTransport(args);
    client.send(START);
    const transport = await connecting;
    expect(args).toMatchObject({
      transport_type: 'twilio',
      call_data: { stream_id: 'MZ1', call_id: 'CA1', body: { a: '1' } },
    });
    client.send(JSON.stringify({ event: 'dtmf', dtmf: { digit: '5' } }));
    const [key] = (await once(transport, 'dtmf')) as [string];
    expect(key).toBe('5');
    const closed = closeOf(client);
    await expect(transport.hangUp()).resolves.toEqual({ ok: true, via: 'connection' });
    await expect(closed).resolves.toMatchObject({ code: 1000 });
  });

  it('keeps the messages also where createTransport knows no carrier', async () => {
    const { url, launcher } = await start();
    const client = await connect(url);
    client.send('first');
    client.send('second');
    const { args } = await launcher.nextLaunch();
    await expect(createTransport(args)).rejects.toThrow(MediaUnavailableError);
    expect((args as WebSocketRunnerArguments).transport_type).toBeUndefined();
    expect(await messages(socketOf(args), 2)).toEqual([
      ['first', false],
      ['second', false],
    ]);
    client.close();
  });

  it('detects carriers before the bot starts, as always', async () => {
    const { url, launcher } = await start();
    const client = await connect(url);
    client.send(CONNECTED);
    client.send(START);
    const { args, session } = await launcher.nextLaunch();
    expect(args).toMatchObject({ transport_type: 'twilio' });
    expect((session as Session).transport).toBe('twilio');
    client.close();
  });

  it('lets nobody past a token or the one carrier that is on', async () => {
    const { url } = await start({ unknownCallers: 'bot' }, { webSocketAuth: 'token' });
    await expect(closeOf(url)).resolves.toMatchObject({ code: 4003 });
    await running!.app.close();
    const only = await start({ unknownCallers: 'bot' }, { onlyTransport: 'plivo' });
    const client = await connect(only.url);
    client.send(START);
    await expect(closeOf(client)).resolves.toMatchObject({ code: 1008 });
  });
});

describe("unknownCallers: 'refuse'", () => {
  it('is the default, and named where a peer is closed on', async () => {
    const { url, registry, launcher } = await start({});
    const client = await connect(url);
    client.send('{"hello":1}');
    client.send('{"hello":2}');
    const { code, reason } = await closeOf(client);
    expect(code).toBe(1008);
    expect(reason).toContain("unknownCallers is 'refuse'");
    expect(registry.size).toBe(0);
    expect(launcher.launches).toHaveLength(0);
  });

  it('is named where a peer says nothing, too', async () => {
    const { url } = await start({ handshakeTimeoutMs: 30 });
    const { code, reason } = await closeOf(url);
    expect(code).toBe(1008);
    expect(reason).toContain("unknownCallers is 'refuse'");
  });

  it('is one of two', async () => {
    await expect(start({ unknownCallers: 'maybe' as never })).rejects.toThrow(
      /unknownCallers must be one of bot, refuse/,
    );
  });
});

it('connections that are no calls write 10 lines a minute into the log about it', async () => {
  const { url } = await start({});
  const lines = new Lines();
  running!.app.useLogger(lines);
  for (let i = 0; i < 30; i++) {
    const client = await connect(url);
    const closed = closeOf(client);
    client.send('{"hello":1}');
    client.send('{"hello":2}');
    await closed;
  }
  expect(lines.all.filter((line) => line.includes('no call: '))).toHaveLength(10);
});
