// The measured servers, each in a process of its own: `node servers.js <name>`.
import 'reflect-metadata';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import fastify from 'fastify';
import { WebSocketServer } from 'ws';
import { AccessToken } from 'livekit-server-sdk';
import * as werift from 'werift';
import {
  BotLauncher,
  DailyModule,
  LiveKitModule,
  ProcessBotLauncher,
  RunnerModule,
  SessionRegistry,
  SmallWebRtcModule,
  TelephonyModule,
  WebSocketModule,
} from '../dist/index.js';
import { redisFleet } from '../dist/fleet.js';
import { EchoBot as BuiltInEchoBot } from '../dist/standalone/echo.bot.js';

class EchoBot extends BotLauncher {
  async launch(args, session) {
    args.websocket.on('message', (data, isBinary) =>
      args.websocket.send(data, { binary: isBinary }),
    );
    session.ready();
    await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
  }
}

/** Bot that returns after a moment, so that sessions do not pile up. */
class BriefBot extends BotLauncher {
  launch(_args, session) {
    session.ready();
    return new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

/** Answers each byte inverted, so that a client knows that the bot had it. */
class InvertingBot extends BotLauncher {
  async launch(args, session) {
    args.websocket.on('message', (data) => args.websocket.send(data.map((byte) => byte ^ 0xff)));
    session.ready();
    await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
  }
}

const LIVEKIT = {
  url: 'wss://example.livekit.cloud',
  apiKey: 'devkey',
  apiSecret: 'a-secret-of-at-least-thirty-two-characters',
};

async function runner(launcher, transports, options = {}, port = 0) {
  const app = await NestFactory.create(
    RunnerModule.forRoot({
      launcher,
      transports,
      // Unclaimed sessions expire before the next measurement.
      pendingTtlMs: 3_000,
      ...options,
    }),
    new FastifyAdapter(),
    { logger: ['error'] },
  );
  await app.listen(port, '127.0.0.1');
  registry = app.get(SessionRegistry, { strict: false });
  return app.getHttpServer().address().port;
}

const SERVERS = {
  runner: () => runner(EchoBot, [WebSocketModule.forRoot(), TelephonyModule.forRoot()]),

  'runner-alone': () => runner(InvertingBot, [WebSocketModule.forRoot()], { maxSessions: 10_000 }),

  /** In a fleet on the Redis of `argv[3]`, at the port `argv[4]`. */
  'runner-fleet': () => {
    const port = Number(process.argv[4]);
    const fleet = redisFleet({
      redis: process.argv[3],
      secret: randomUUID(),
      advertiseUrl: `http://127.0.0.1:${port}`,
    });
    const options = { maxSessions: 10_000, fleet: { useValue: fleet } };
    return runner(InvertingBot, [WebSocketModule.forRoot()], options, port);
  },

  'runner-process': () => {
    const module = fileURLToPath(new URL('echo-bot.js', import.meta.url));
    const useFactory = () => new ProcessBotLauncher({ module, warmProcesses: 1 });
    return runner({ useFactory }, [WebSocketModule.forRoot()]);
  },

  /** The built-in echo bot: 16 kHz for the bot, µ-law on the phone. */
  'runner-media': () => runner(BuiltInEchoBot, [TelephonyModule.forRoot()]),

  'runner-webrtc': () => runner(BuiltInEchoBot, [SmallWebRtcModule.forRoot()]),

  /** Baseline of WebRTC: plain werift, which sends each packet back. */
  async 'bare-werift'() {
    const app = fastify();
    app.post('/api/offer', async ({ body }) => {
      const pc = new werift.RTCPeerConnection({ iceServers: [] });
      pc.onTrack.subscribe((track) => {
        const [{ sender }] = pc.getTransceivers();
        track.onReceiveRtp.subscribe((packet) => void sender.sendRtp(packet));
      });
      pc.onDataChannel.subscribe((channel) =>
        channel.stateChanged.subscribe((state) => state === 'closed' && void pc.close()),
      );
      await pc.setRemoteDescription(body);
      for (const transceiver of pc.getTransceivers()) transceiver.setDirection('sendrecv');
      await pc.setLocalDescription(await pc.createAnswer());
      return pc.localDescription;
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    return app.server.address().port;
  },

  'runner-livekit': () => runner(BriefBot, [LiveKitModule.forRoot(LIVEKIT)]),

  /** Baseline of LiveKit's `POST /start`: the same two tokens from a bare server. */
  async 'bare-livekit'() {
    const app = fastify();
    const mint = (identity, room, grant) => {
      const { apiKey, apiSecret } = LIVEKIT;
      const token = new AccessToken(apiKey, apiSecret, { identity, name: identity, ttl: 7_200 });
      token.addGrant({ roomJoin: true, room, ...grant });
      return token.toJwt();
    };
    app.post('/start', async () => {
      const sessionId = randomUUID();
      const room = `pipecat-${sessionId.slice(0, 8)}`;
      const [token] = await Promise.all([
        mint(`User-${sessionId.slice(0, 8)}`, room, {}),
        mint(`Pipecat Agent-${sessionId.slice(0, 8)}`, room, { agent: true }),
      ]);
      return { sessionId, url: LIVEKIT.url, token };
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    return app.server.address().port;
  },

  /** Fake Daily API with a latency of `argv[3]` milliseconds. */
  async provider() {
    let room = 0;
    const http = createServer((request, response) => {
      request.resume();
      setTimeout(() => {
        response.setHeader('content-type', 'application/json');
        response.end(
          request.url.endsWith('/rooms')
            ? JSON.stringify({ name: `r${++room}`, url: `https://example.daily.co/r${room}` })
            : '{"token":"t","deleted":true}',
        );
      }, Number(process.argv[3]));
    });
    await new Promise((resolve) => http.listen(0, '127.0.0.1', 1_024, resolve));
    return http.address().port;
  },

  'runner-daily': () =>
    runner(BriefBot, [
      DailyModule.forRoot({
        apiKey: 'k',
        apiUrl: process.argv[3],
        warmRooms: Number(process.argv[4]),
      }),
    ]),

  /** Baseline of the gateways. */
  async 'bare-ws'() {
    const http = createServer();
    const server = new WebSocketServer({ server: http, perMessageDeflate: false });
    server.on('connection', (socket) =>
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
    );
    await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
    return http.address().port;
  },

  /** Baseline of `POST /start`: the same request validated by ajv, and an answer of the same shape. */
  async 'bare-fastify'() {
    const app = fastify();
    const text = { type: 'string' };
    const flag = { type: 'boolean' };
    const object = { type: 'object' };
    const schema = {
      body: {
        type: 'object',
        properties: {
          transport: text,
          createDailyRoom: flag,
          dailyRoomProperties: object,
          dailyMeetingTokenProperties: object,
          enableDefaultIceServers: flag,
          namespace: text,
        },
      },
    };
    app.post('/start', { schema }, async (request) => {
      const sessionId = randomUUID();
      return { sessionId, wsUrl: `ws://${request.host}/ws-client?session_id=${sessionId}` };
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    return app.server.address().port;
  },
};

let registry;
const port = await SERVERS[process.argv[2]]();
process.on('message', (question) => {
  if (question === 'cpu') {
    const { user, system } = process.cpuUsage();
    process.send({ cpuUs: user + system });
  } else if (question === 'usage') {
    const { user, system } = process.cpuUsage();
    process.send({ cpuUs: user + system, rssBytes: process.memoryUsage.rss() });
  } else if (question === 'resources') {
    for (let i = 0; i < 4; i++) globalThis.gc();
    const { rss, heapUsed } = process.memoryUsage();
    process.send({
      rssBytes: rss,
      heapBytes: heapUsed,
      fds: readdirSync('/proc/self/fd').length,
      timers: process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length,
      sessions: registry?.size ?? 0,
    });
  } else if (question === 'heap') {
    for (let i = 0; i < 4; i++) globalThis.gc();
    process.send({ heapBytes: process.memoryUsage().heapUsed, sessions: registry?.size ?? 0 });
  }
});
process.on('disconnect', () => process.exit());
process.send({ port });
