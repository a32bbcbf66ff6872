import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { io } from 'socket.io-client';
import { freePort } from '../../support/free-port.js';
import { createApp } from '../support/apps.js';
import { converse, expectAnswer } from '../support/probe.js';
import { startServer } from '../support/processes.js';
import { build, runSpec } from './scaffold.js';

/** Packages of the host beside the scaffold. What belongs to Nest goes by its major version: later ones are for ECMAScript modules only. */
const PACKAGES = {
  nest: [
    'bullmq',
    'microservices',
    'passport',
    'platform-socket.io',
    'swagger',
    'typeorm',
    'websockets',
  ],
  11: ['nestjs-cls@6', 'nestjs-pino@4'],
  12: ['nestjs-cls@7', 'nestjs-pino@5'],
  both: [
    ...[
      '@nestjs/throttler@6',
      '@opentelemetry/api@1',
      'bullmq@5',
      'passport@0.7',
      'passport-jwt@4',
    ],
    ...['pino@10', 'pino-http@11', 'prom-client@15', 'sql.js@1', 'typeorm@0.3'],
  ],
  express: ['compression@1', 'helmet@8'],
  fastify: ['@fastify/compress@8', '@fastify/helmet@13', '@fastify/static@10'],
};
const FILES = [
  'app.module',
  'bootstrap',
  'chat.gateway',
  'jwt.strategy',
  'visit.entity',
  'visits.controller',
];

/** An application with what production hosts have: they, and the runner, go on as they would alone. */
export async function checkFull({ name, cli, adapter, node }, { must, step, tarball }) {
  const app = await must('is generated', () => createApp(name, { cli, manager: 'npm', node }));
  await must('installs what the host has', async () => {
    const nest = [...PACKAGES.nest, ...(adapter === 'fastify' ? ['platform-fastify'] : [])];
    await app.add(
      ...nest.map((one) => `@nestjs/${one}@${cli}`),
      ...PACKAGES[cli],
      ...PACKAGES.both,
      ...PACKAGES[adapter],
    );
    await app.addDev('@types/passport-jwt', '@types/compression');
  });
  await must('installs with the package alone', () => app.add(tarball));
  await must('builds', async () => {
    for (const file of FILES) app.copy(`full/${file}.ts`, `src/${file}.ts`);
    app.copy('echo.bot.ts', 'src/echo.bot.ts');
    app.copy(`full/${adapter}.ts`, 'src/main.ts');
    await app.exec('rm', [
      '-f',
      ...['controller.spec', 'controller', 'service'].map((file) => `src/app.${file}.ts`),
    ]);
    await build(app, 'tsc');
  });
  await step('is tested in its own runner of tests', () => runSpec(app, 'full', 2));

  const tcpPort = await freePort();
  const server = await must('starts', () =>
    startServer('dist/main.js', { ...app, env: { ...app.env, TCP_PORT: String(tcpPort) } }),
  );
  try {
    const { url } = server;
    await step('starts a conversation for whoever asks', () => converse(url));
    await step('has metrics', () => expectAnswer(`${url}/metrics`, { body: /pipecat_sessions/ }));
    await step('guards its own route with a JWT, with its own context and database', async () => {
      await expectAnswer(`${url}/visits`, { status: 401 });
      const headers = { authorization: `Bearer ${token()}`, 'x-user': 'ada' };
      await expectAnswer(`${url}/visits`, { headers, body: '{"user":"ada","count":1}' });
      await expectAnswer(`${url}/visits`, { headers, body: '{"user":"ada","count":2}' });
    });
    await step('sets the headers of helmet, and compresses', async () => {
      const { headers } = await expectAnswer(`${url}/visits/large`, {
        headers: { 'accept-encoding': 'gzip' },
      });
      assert.equal(headers.get('content-encoding'), 'gzip');
      assert.match(headers.get('content-security-policy'), /default-src 'self'/);
    });
    await step('limits how often its own route is asked', async () => {
      await expectAnswer(`${url}/visits/limited`);
      await expectAnswer(`${url}/visits/limited`, { status: 429 });
    });
    await step('describes its own routes with Swagger', async () => {
      await expectAnswer(`${url}/docs-json`, { body: /"\/visits":/ });
    });
    const socket = io(url, { reconnection: false, transports: ['websocket'] });
    await step('has a gateway of socket.io', async () => {
      assert.equal(await socket.timeout(5_000).emitWithAck('shout', 'hello'), 'HELLO');
    });
    await step('answers as a TCP microservice', async () => {
      assert.deepEqual((await ask(tcpPort, 'sum', [1, 2, 3])).response, 6);
    });
    await step('ends when it is asked to, while a client of socket.io is connected', async () => {
      const startedMs = performance.now();
      assert(socket.connected);
      await server.stop('SIGTERM');
      assert(performance.now() - startedMs < 10_000, `it took ${performance.now() - startedMs} ms`);
    });
  } finally {
    await server.stop();
  }
}

function token() {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: 'ada' })}`;
  return `${text}.${createHmac('sha256', 'the secret of the host').update(text).digest('base64url')}`;
}

/** Asks as Nest's own TCP client does: JSON behind its length. */
async function ask(port, pattern, data) {
  const socket = connect(port, '127.0.0.1');
  try {
    const json = JSON.stringify({ pattern, data, id: '1' });
    socket.setEncoding('utf8').write(`${json.length}#${json}`);
    let answer = '';
    for await (const text of socket) {
      answer += text;
      const [length, body] = answer.split(/#(.*)/s);
      if (body?.length >= Number(length)) return JSON.parse(body.slice(0, Number(length)));
    }
    throw new Error(`the microservice hung up after '${answer}'`);
  } finally {
    socket.destroy();
  }
}
