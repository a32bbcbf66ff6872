// Does what the `body` of its session says; else it says back what it hears.
import { spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { createTransport } from 'nestjs-pipecat-runner';
import { parseTelephonyWebSocket, RtviSession } from 'nestjs-pipecat-runner/bot';

if (process.env.GREETING) console.log(process.env.GREETING);

const DEEDS = {
  async tell(args, session) {
    session.ready();
    const { websocket, ...plain } = args;
    const facts = {
      ...plain,
      class: args.constructor.name,
      callDataClass: args.call_data?.constructor.name,
      id: session.id,
      transport: session.transport,
      claims: session.claims,
      pid: process.pid,
      upgrade: args.upgrade,
    };
    session.logger.log(`told ${JSON.stringify(facts)}`);
    websocket?.send(JSON.stringify(facts));
  },
  async exit({ body }) {
    process.exit(body.code);
  },
  async return() {},
  /** Says something for a second and ends the conversation at once, in the way it is told. */
  async farewell(args, session) {
    const transport = await createTransport(args);
    session.ready();
    const length = 8_000 * args.body.seconds;
    const pcm = Int16Array.from({ length }, (_, i) => 10_000 * Math.sin(i));
    void transport.sendAudio({ pcm, sampleRateHz: 8_000 });
    if (args.body.by === 'close') transport.close();
    if (args.body.by === 'hangUp') void transport.hangUp();
    if (args.body.by === 'return') return;
    await once(session.signal, 'abort');
  },
  async kill() {
    process.kill(process.pid, 'SIGKILL');
    await new Promise(() => undefined);
  },
  async throw({ body }) {
    throw new TypeError(body.message ?? 'this bot throws');
  },
  async throwOddly() {
    throw Object.create(null);
  },
  async listenOddly(args, session) {
    const transport = await createTransport(args);
    transport.on('connected', () => {
      throw Object.create(null);
    });
    await once(session.signal, 'abort');
  },
  async listenToSocketOddly({ websocket }, session) {
    websocket.on('pong', () => Promise.reject(Object.create(null)));
    websocket.ping();
    await once(session.signal, 'abort');
  },
  async abort() {
    process.abort();
  },
  async uncaught() {
    setTimeout(() => {
      throw new Error('thrown beside launch()');
    });
    await new Promise(() => undefined);
  },
  /** Looks after nothing any more, not even its own end. */
  async hang(_args, session) {
    session.ready();
    process.on('SIGTERM', () => undefined);
    const { pid } = spawn('sleep', ['1000']);
    session.logger.log(`hanging, pid ${process.pid} ${pid}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (;;);
  },
  async leak(_args, session) {
    session.ready();
    const kept = [];
    for (;;) {
      kept.push(Buffer.alloc(8_388_608, 1));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  },
  /** Stays until it is asked to go, and says why it goes. */
  async stay({ websocket }, session) {
    session.ready();
    session.logger.log(`staying, pid ${process.pid}`);
    websocket?.on('message', () => undefined);
    if (!session.signal.aborted) await once(session.signal, 'abort');
    const { code, message } = session.signal.reason;
    session.logger.log(`asked to stop: ${code} ${message}`);
  },
  async print({ body }) {
    console.log('printed to stdout');
    console.error('printed to stderr');
    console.error('2026-01-01 00:00:00.000 | DEBUG    | bot:x:1 - as loguru');
    process.stdout.write(`${'x'.repeat(body.length)}\n\u001b[31mred\u001b[0m\rover\n`);
  },
  /** Sends the peer's own messages back, and its close too. */
  async mirror({ websocket }, session) {
    session.ready();
    websocket.on('message', (data, isBinary) => websocket.send(data, { binary: isBinary }));
    const [code, reason] = await once(websocket, 'close');
    session.logger.log(`the peer closed: ${code} ${reason}`);
  },
  async close({ websocket, body }) {
    websocket.close(body.code, body.reason);
    await once(websocket, 'close');
  },
  async terminate({ websocket }, session) {
    websocket.terminate();
    await once(session.signal, 'abort');
  },
  /** Sends as much as it is told to and returns, without looking whether anybody reads it. */
  async flood({ websocket, body }, session) {
    session.ready();
    for (let i = 0; i < body.count; i++) websocket.send(Buffer.alloc(body.bytes, i));
    if (body.leavesBehind) setInterval(() => websocket.send('late'), 10);
  },
  /** Sends what is no WebSocket frame. */
  async garble({ websocket }, session) {
    websocket._socket.write(Buffer.alloc(100, 0xff));
    await once(session.signal, 'abort');
  },
  /** Dies, and leaves a process behind that has all its descriptors. */
  async leaveBehind(_args, session) {
    session.ready();
    const { pid } = spawn('sleep', ['60'], { detached: true, stdio: ['ignore', 1, 2, 3, 4] });
    session.logger.log(`left behind, pid ${pid}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    process.kill(process.pid, 'SIGKILL');
  },
  /** Logs so many lines at once, and prints as many. */
  async chatter({ body }, session) {
    for (let i = 0; i < body.count; i++) session.logger.log(`logged ${i}`);
    for (let i = 0; i < body.count; i++) console.log(`printed ${i}`);
  },
  async logs({ body }, session) {
    session.logger.log(body.text);
  },
  /** Reads nothing for a while, and then all there is. */
  async doze({ websocket }, session) {
    session.ready();
    session.logger.log('dozing');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    let count = 0;
    websocket.on('message', (data) => {
      // What it hears after its end is not counted.
      if (session.signal.aborted) return;
      if (data.readUInt32BE(0) !== count++) throw new Error('out of order');
    });
    await once(websocket, 'close');
    session.logger.log(`heard ${count}`);
  },
  async parse({ websocket }, session) {
    const first = await parseTelephonyWebSocket(websocket);
    const again = await parseTelephonyWebSocket(websocket);
    session.logger.log(`parsed "${first.transport_type}" "${again.transport_type}"`);
  },
  /** Has the client run a function for each event of its user interface. */
  async rtvi(args, session) {
    const transport = await createTransport(args);
    const rtvi = new RtviSession(transport);
    session.ready();
    rtvi.on('ui-event', async ({ event, payload }) => {
      const outcome = await rtvi.callFunction(event, payload).catch(({ code }) => code);
      rtvi.send('server-message', { outcome });
      session.logger.log(`outcome ${JSON.stringify(outcome)}`);
    });
    await once(session.signal, 'abort');
  },
  async requests(_args, session) {
    session.onRequest(answer);
    session.ready();
    session.logger.log('takes requests');
    await once(session.signal, 'abort');
  },
  /** Says what is in the uploaded file that it is told of. */
  async readFile({ websocket, file_storage }, session) {
    session.ready();
    for await (const [url] of on(websocket, 'message')) {
      websocket.send(await file_storage.load(String(url)));
    }
  },
  async hangUp(args, session) {
    const transport = await createTransport(args);
    session.ready();
    session.logger.log(`hung up: ${JSON.stringify(await transport.hangUp())}`);
  },
  /** Is asked by a key: `1` is put through to somebody, `2` to nobody. */
  async transfer(args, session) {
    const transport = await createTransport(args);
    session.ready();
    session.logger.log(`can transfer: ${transport.canTransfer}`);
    for await (const key of transport.dtmfIn()) {
      const target = key === '1' ? '+15550009' : 'nobody';
      session.logger.log(`transferred: ${JSON.stringify(await transport.transfer(target))}`);
    }
  },
};

/** Answers a request with what it was asked, and otherwise for some paths. */
async function answer(request) {
  const { pathname, search } = new URL(request.url);
  if (pathname === '/throws') throw new Error('the secret recipe');
  if (pathname === '/exit') process.exit(3);
  if (pathname === '/never') return new Promise(() => undefined);
  if (pathname === '/nothing') return new Response(null, { status: 204 });
  if (pathname === '/stream') return new Response(request.body);
  const body = await request.text();
  const headers = Object.fromEntries(request.headers);
  return Response.json(
    { method: request.method, path: pathname + search, headers, body: body || null },
    {
      status: 201,
      headers: [
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ],
    },
  );
}

/** Keeps the process busy, as an exporter of traces does that sends its last batch. */
function block(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

export default async function bot(args, session) {
  const { exitMs, hangMs } = args.body ?? {};
  if (exitMs) process.once('exit', () => block(exitMs));
  if (hangMs) block(hangMs);
  const deed = DEEDS[args.body?.do];
  if (deed) return deed(args, session);
  const transport = await createTransport(args);
  session.ready();
  for await (const frame of transport.audioIn()) void transport.sendAudio(frame);
}
