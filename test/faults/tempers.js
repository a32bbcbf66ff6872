// Behaviours of bots, by name.
import { once } from 'node:events';
import { createTransport } from 'nestjs-pipecat-runner';

const aborted = ({ signal }) => signal.aborted || once(signal, 'abort');

/** Answers of every kind to what is asked at `/sessions/:id/…`, by the path. */
const ANSWERS = {
  '/hang': () => new Promise(() => undefined),
  '/throw': () => {
    throw new Error('told to');
  },
  '/nothing': () => undefined,
  '/stream': ({ signal }) => {
    let timer;
    return new Response(
      new ReadableStream({
        start(controller) {
          timer = setInterval(() => controller.enqueue(Buffer.alloc(1_000)), 5);
          signal.addEventListener('abort', () => clearInterval(timer));
        },
        cancel: () => clearInterval(timer),
      }),
    );
  },
  '/read': async (request) => new Response(String((await request.arrayBuffer()).byteLength)),
};

/** Up, and open to requests. */
function up(session) {
  session.onRequest((request) => ANSWERS[new URL(request.url).pathname](request));
  session.ready();
}

export const tempers = {
  async stays(_args, session) {
    up(session);
    await aborted(session);
  },
  async returns(_args, session) {
    up(session);
  },
  async 'returns early'() {},
  throws() {
    throw new Error('told to');
  },
  async rejects(_args, session) {
    up(session);
    throw new Error('told to');
  },
  hangs(_args, session) {
    up(session);
    return new Promise(() => undefined);
  },
  'is never ready': () => new Promise(() => undefined),
  async exits() {
    process.exit(7);
  },
  async echoes(args, session) {
    const transport = await createTransport(args);
    up(session);
    transport.on('message', (message) => transport.sendMessage(message));
    transport.on('dtmf', () => transport.clear());
    for await (const frame of transport.audioIn()) void transport.sendAudio(frame);
  },
  async talks(args, session) {
    const transport = await createTransport(args);
    up(session);
    const pcm = new Int16Array(8_000);
    const text = 'x'.repeat(100_000);
    while (!session.signal.aborted) {
      void transport.sendAudio({ pcm, sampleRateHz: 8_000 });
      transport.sendMessage({ text });
      void transport.mark('said');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  },
  async 'throws while listening'(args, session) {
    const transport = await createTransport(args);
    up(session);
    transport.on('audio', () => {
      throw new Error('told to');
    });
    await aborted(session);
  },
  async 'hangs up'(args, session) {
    const transport = await createTransport(args);
    up(session);
    await transport.hangUp();
    await aborted(session);
  },
  async closes(args, session) {
    const transport = await createTransport(args);
    up(session);
    transport.close();
    await aborted(session);
  },
  async terminates(args, session) {
    up(session);
    args.websocket.terminate();
    await aborted(session);
  },
  async 'stops reading'(args, session) {
    up(session);
    args.websocket.pause();
    await aborted(session);
  },
};
