// A runner whose bots and host throw `body.thrown` at `body.place`, in a process of its own, so that a crash is seen as one.
// Usage: node thrown-host.js <fastify|express> <default|broken>, the second for the logger of the host.
import 'reflect-metadata';
import { once } from 'node:events';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import * as runner from 'nestjs-pipecat-runner';
import { THROWABLES } from './throwables.js';

const [platform, logger] = process.argv.slice(2);
const made = (name) => THROWABLES[name]();
/** A function that throws everything there is, one thing a call, and begins anew. @param done called at the end of each round */
function thrower(done = () => undefined) {
  const names = Object.keys(THROWABLES);
  let next = 0;
  return () => {
    const name = names[next++ % names.length];
    if (next % names.length === 0) done();
    throw made(name);
  };
}

const aborted = ({ signal }) => signal.aborted || once(signal, 'abort');
/** Both ways in which a listener fails. */
const failing = (thrown) => ({
  sync: () => {
    throw made(thrown);
  },
  async: async () => {
    await undefined;
    throw made(thrown);
  },
});
/** A place for each way of a listener that is added to something. @param add is given what `launch()` is, and the listener */
const listening = (name, add) =>
  Object.fromEntries(
    ['sync', 'async'].map((how) => [
      `${name} (${how})`,
      async (args, session, thrown) => {
        await add(args, failing(thrown)[how], session);
        session.ready();
        await aborted(session);
      },
    ]),
  );

/** Where bots throw, by name. */
const PLACES = {
  'launch() (sync)': (_args, _session, thrown) => failing(thrown).sync(),
  'launch() (async)': (_args, _session, thrown) => failing(thrown).async(),
  'the then of what launch() returns': (_args, _session, thrown) =>
    Object.defineProperty({}, 'then', { get: failing(thrown).sync }),
  'launch() after its end': async (_args, session, thrown) => {
    session.ready();
    await aborted(session);
    throw made(thrown);
  },
  ...listening('a listener of the transport', async (args, fail) =>
    (await runner.createTransport(args)).on('message', fail),
  ),
  ...listening('a listener of the end of the transport', async (args, fail) =>
    (await runner.createTransport(args)).on('disconnected', fail),
  ),
  ...listening('a listener of RTVI', async (args, fail) =>
    new runner.RtviSession(await runner.createTransport(args)).on('send-text', fail),
  ),
  ...listening('a handler of RTVI', async (args, fail, { logger }) =>
    new runner.RtviSession(await runner.createTransport(args), { logger }).onClientMessage(fail),
  ),
  ...listening('a listener of the WebSocket', ({ websocket }, fail) =>
    websocket.on('message', fail),
  ),
  ...listening('a listener of the end of the WebSocket', ({ websocket }, fail) =>
    websocket.on('close', fail),
  ),
  ...listening('addEventListener of the WebSocket', ({ websocket }, fail) =>
    websocket.addEventListener('message', fail),
  ),
  ...listening('onmessage of the WebSocket', ({ websocket }, fail) => {
    websocket.onmessage = fail;
  }),
  ...listening('a listener of the signal', (_args, fail, { signal }) =>
    signal.addEventListener('abort', fail),
  ),
  ...listening('a handleEvent of the signal', (_args, fail, { signal }) =>
    signal.addEventListener('abort', { handleEvent: fail }),
  ),
  ...listening('onabort of the signal', (_args, fail, { signal }) => {
    signal.onabort = fail;
  }),
  ...listening('what is held', (_args, fail, session) => session.onEnd(fail)),
  'the reason of a signal given to createTransport': async (args, session, thrown) => {
    const own = new AbortController();
    await runner.createTransport(args, { signal: own.signal });
    own.abort(made(thrown));
    await aborted(session);
  },
  'a mark that is no text': async (args, session, thrown) => {
    const transport = await runner.createTransport(args);
    void transport.sendAudio({ pcm: new Int16Array(1_600), sampleRateHz: 16_000 });
    await transport.mark(made(thrown));
  },
  'what answers requests': async (_args, session) => {
    session.onRequest((request) => {
      const { pathname, searchParams } = new URL(request.url);
      const thrown = searchParams.get('thrown');
      if (pathname === '/sync') return failing(thrown).sync();
      if (pathname === '/async') return failing(thrown).async();
      if (pathname === '/value') return made(thrown);
      if (pathname === '/body') {
        const how = searchParams.get('how');
        const fail = failing(thrown)[how] ?? failing(thrown).sync;
        const pull = {
          'in a chunk': (controller) => controller.enqueue(made(thrown)),
          'when it is cancelled': (controller) => controller.enqueue(Buffer.alloc(100_000)),
        }[how];
        return new Response(
          new ReadableStream({ pull: pull ?? fail, cancel: fail }, { highWaterMark: 0 }),
        );
      }
      // Never answers; the client gives up.
      request.signal.addEventListener('abort', failing(thrown)[searchParams.get('how')]);
      return new Promise(() => undefined);
    });
    session.ready();
    await aborted(session);
  },
  returns: async () => undefined,
  stays: async (args, session) => {
    const transport = await runner.createTransport(args);
    transport.on('message', (message) => transport.sendMessage(message));
    session.ready();
    await aborted(session);
  },
};

class Bot extends runner.BotLauncher {
  launch(args, session) {
    return PLACES[args.body.place](args, session, args.body.thrown);
  }
}

/** Fails as the header `x-throws` says, with the way before the name. */
class Auth extends runner.RunnerAuth {
  authorize({ request }) {
    const [how, thrown] = (request.headers['x-throws'] ?? '').split(': ');
    return thrown === undefined ? {} : failing(thrown)[how]();
  }
}

/** A transport of the host's own. */
class OwnTransport extends runner.RunnerTransport {
  names = ['own'];
  start({ request }) {
    const { how, thrown } = request.body;
    return failing(thrown)[how]();
  }
}
class OwnModule {}
Module({
  providers: [
    {
      provide: OwnTransport,
      useFactory: (registry) => {
        const transport = new OwnTransport();
        registry.register(transport);
        return transport;
      },
      inject: [runner.TransportRegistry],
    },
  ],
})(OwnModule);

const failToTellLoad = thrower(() => console.log('the load was asked for'));
let timesAsked = 0;
/** Every other time only, for one failure after the other is not logged. */
const loadFunction = async () => (timesAsked++ % 2 === 0 ? 0 : failToTellLoad());
const root = runner.RunnerModule.forRoot({
  launcher: Bot,
  auth: Auth,
  transports: [
    runner.WebSocketModule.forRoot(),
    runner.TelephonyModule.forRoot({
      webhookKeys: false,
      customParameters: ({ thrown }) => failing(thrown).sync(),
    }),
    runner.SmallWebRtcModule.forRoot({ iceServers: thrower() }),
    { module: OwnModule },
  ],
  loadFunction,
  loadIntervalMs: 5,
  stopGraceMs: 50,
  sessionHistory: 1_000,
});

const adapter =
  platform === 'express'
    ? new (await import('@nestjs/platform-express')).ExpressAdapter()
    : new (await import('@nestjs/platform-fastify')).FastifyAdapter();
const app = await NestFactory.create(root, adapter, {
  logger: ['error', 'warn'],
  abortOnError: false,
});
app.get(runner.RunnerHealth, { strict: false }).addCheck('hostile', thrower());
const refused = thrower();
app.get(runner.SessionRegistry, { strict: false }).observers.add({
  changed: ({ body: { place, thrown } = {} }) =>
    place === 'returns' && thrown !== undefined ? failing(thrown).async() : undefined,
  refused,
});
app.get(runner.SessionRegistry, { strict: false }).observers.add({
  changed: ({ body: { place, thrown } = {} }) =>
    place === 'returns' && thrown !== undefined ? failing(thrown).sync() : undefined,
  around: ({ body }, bot) => (body.place === 'around' ? failing(body.thrown).sync() : bot()),
});
await app.listen(0, '127.0.0.1');
console.log(`listening on ${app.getHttpServer().address().port}`);
if (logger === 'broken') {
  const fail = () => {
    throw new Error('the log cannot be written');
  };
  app.useLogger({ log: fail, error: fail, warn: fail, debug: fail, verbose: fail, fatal: fail });
}
