import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import {
  type BotLauncher,
  RunnerModule,
  type Session,
  SessionRegistry,
  TelephonyModule,
  type WebSocketRunnerArguments,
  WebSocketModule,
  SessionEnd,
} from '../../src/index.js';
import { placeCall, RecordingLauncher } from '../../src/testing/index.js';
import { PLATFORMS, post, startApp } from '../support/runner-app.js';

/** Bots of every temper, in turn. */
const TEMPERS: BotLauncher['launch'][] = [
  async (_args, session) => {
    session.ready();
    await once(session.signal, 'abort');
  },
  async () => undefined,
  () => Promise.reject(new Error('boom')),
  () => {
    throw new Error('boom');
  },
  () => new Promise(() => undefined),
  async (args) => (args as WebSocketRunnerArguments).websocket.terminate(),
  async (args, session) => {
    (args as WebSocketRunnerArguments).websocket.on('message', () => {
      (args as WebSocketRunnerArguments).websocket.send('x'.repeat(100_000));
    });
    await once(session.signal, 'abort');
  },
];

describe.each(PLATFORMS)('misbehaving callers and bots on %s', (platform) => {
  it('each end once with a reason and leave nothing behind', async () => {
    let turn = 0;
    const launcher = new RecordingLauncher((args, session) =>
      TEMPERS[turn++ % TEMPERS.length]!(args, session),
    );
    const { app, url, wsUrl } = await startApp(platform, [
      RunnerModule.forRoot({
        launcher: { useValue: launcher },
        transports: [
          WebSocketModule.forRoot(),
          TelephonyModule.forRoot({ handshakeTimeoutMs: 50 }),
        ],
        stopGraceMs: 20,
        pendingTtlMs: 200,
        maxPayloadBytes: 10_000,
      }),
    ]);
    const open = async (target: string): Promise<WebSocket> => {
      const socket = new WebSocket(target).on('error', () => undefined);
      await Promise.race([once(socket, 'open'), once(socket, 'close')]);
      return socket;
    };
    /** Things that callers do; each leaves, one way or another. */
    const misdeeds: (() => Promise<unknown>)[] = [
      async () => (await open(`${wsUrl}/ws-client`)).terminate(),
      async () => (await open(`${wsUrl}/ws-client`)).close(),
      async () => (await open(`${wsUrl}/ws`)).terminate(),
      async () => (await open(`${wsUrl}/ws`)).send('nonsense'),
      async () => {
        const socket = await open(`${wsUrl}/ws-client`);
        if (socket.readyState === WebSocket.OPEN) socket.send('x'.repeat(20_000));
      },
      async () => {
        const call = await placeCall({ carrier: 'twilio', url: `${wsUrl}/ws` });
        call.socket.on('error', () => undefined);
        await call.speak(new Int16Array(1_600), { pace: 'asap' });
        call.socket.terminate();
      },
      async () => post(`${url}/start`, { transport: 'plivo' }),
      async () => {
        const { json } = await post(`${url}/start`, { transport: 'websocket' });
        const pair = await Promise.all([open(json.wsUrl as string), open(json.wsUrl as string)]);
        pair.forEach((socket) => socket.terminate());
      },
      async () => {
        // Not even WebSocket frames: an unmasked one, which is against the protocol.
        const tcp = connectTcp(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined);
        tcp.write(
          'GET /ws-client HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
            'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
        );
        await once(tcp, 'data');
        tcp.write(Buffer.from([0x81, 0x01, 0x61]));
        tcp.resume();
        await once(tcp, 'close');
      },
    ];
    for (let round = 0; round < 14; round++) {
      await Promise.all(misdeeds.map((misdeed) => misdeed()));
    }

    const registry = app.get(SessionRegistry, { strict: false });
    for (const { session } of launcher.launches) {
      // A bot may outlive its caller only by the grace; those with a patient caller are stopped here.
      void (session as Session).end(new SessionEnd('stopped', 'the test is over'));
      const end = await (session as Session).ended;
      expect(['completed', 'failed', 'peer_left', 'peer_error', 'stopped']).toContain(end.code);
    }
    expect(launcher.launches.length).toBeGreaterThan(50);
    await app.close();
    expect(registry.size).toBe(0);
  });
});
