// The servers under measurement, each in a process of its own: `node servers.js <name>`.
import 'reflect-metadata';
import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import fastify from 'fastify';
import { WebSocketServer } from 'ws';
import {
  BotLauncher,
  RunnerModule,
  SessionRegistry,
  TelephonyModule,
  WebSocketModule,
} from '../dist/index.js';

class EchoBot extends BotLauncher {
  async launch(args, session) {
    args.websocket.on('message', (data, isBinary) =>
      args.websocket.send(data, { binary: isBinary }),
    );
    session.ready();
    await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
  }
}

const SERVERS = {
  async runner() {
    const app = await NestFactory.create(
      RunnerModule.forRoot({
        launcher: EchoBot,
        transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot()],
        // The sessions of a measurement are never claimed; they are gone before the next one.
        pendingTtlMs: 3_000,
      }),
      new FastifyAdapter(),
      { logger: ['error'] },
    );
    await app.listen(0, '127.0.0.1');
    registry = app.get(SessionRegistry, { strict: false });
    return app.getHttpServer().address().port;
  },

  /** What the gateways are held against. */
  async 'bare-ws'() {
    const http = createServer();
    const server = new WebSocketServer({ server: http, perMessageDeflate: false });
    server.on('connection', (socket) =>
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
    );
    await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
    return http.address().port;
  },

  /** What `POST /start` is held against: the same request checked by ajv, and an answer of the same shape. */
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
  } else if (question === 'heap') {
    for (let i = 0; i < 4; i++) globalThis.gc();
    process.send({ heapBytes: process.memoryUsage().heapUsed, sessions: registry?.size ?? 0 });
  }
});
process.on('disconnect', () => process.exit());
process.send({ port });
