import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const UPGRADED_MS = 3_000;

/** A WebSocket whose bytes are written by hand. */
export class RawSocket {
  closed = false;
  /** Bytes of the peer since the upgrade. */
  received = 0;

  constructor({ host, port }) {
    this.socket = connect(port, host).setNoDelay(true);
    this.socket.on('error', () => undefined);
    this.over = new Promise((resolve) => {
      this.socket.on('close', () => {
        this.closed = true;
        resolve();
      });
    });
  }

  /** Sends an upgrade and resolves with the head of its answer. @param headers in addition, or in place of those that are needed */
  async upgrade(path, headers = []) {
    const needed = [
      ['host', 'localhost'],
      ['upgrade', 'websocket'],
      ['connection', 'Upgrade'],
      ['sec-websocket-version', '13'],
      ['sec-websocket-key', 'AAAAAAAAAAAAAAAAAAAAAA=='],
    ].filter(([name]) => !headers.some(([other]) => other.toLowerCase() === name));
    const lines = [...needed, ...headers].map(([name, value]) => `${name}: ${value}`);
    this.socket.write(
      Buffer.from(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1'),
    );
    return this.head();
  }

  async head() {
    let head = '';
    const over = new AbortController();
    const done = new Promise((resolve) => {
      const read = (data) => {
        head += data.toString('latin1');
        if (!head.includes('\r\n\r\n')) return;
        this.socket.off('data', read);
        this.socket.on('data', ({ length }) => (this.received += length));
        resolve();
      };
      this.socket.on('data', read);
    });
    const late = sleep(UPGRADED_MS, undefined, { signal: over.signal }).catch(() => undefined);
    await Promise.race([done, this.over, late]);
    over.abort();
    return head;
  }

  /** Writes bytes, and waits until they are gone or the connection is. */
  async write(bytes) {
    if (this.closed || this.socket.write(bytes)) return;
    await Promise.race([
      new Promise((resolve) => this.socket.once('drain', resolve)),
      this.over,
      sleep(2_000, undefined, { ref: false }),
    ]);
  }

  destroy() {
    this.socket.destroy();
  }
}

/** The bytes of a WebSocket frame. @param frame.length what its header says, if not its true length */
export function frameBytes({
  opcode = 1,
  fin = true,
  rsv = 0,
  masked = true,
  length,
  payload = Buffer.alloc(0),
}) {
  const told = length ?? payload.length;
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  const mark = masked ? 0x80 : 0;
  if (told < 126) head.push(mark | told);
  else if (told < 65_536) head.push(mark | 126, told >> 8, told & 0xff);
  else {
    const long = Buffer.alloc(8);
    long.writeBigUInt64BE(BigInt(told));
    head.push(mark | 127, ...long);
  }
  if (!masked) return Buffer.concat([Buffer.from(head), payload]);
  const mask = randomBytes(4);
  const hidden = Buffer.from(payload);
  for (let i = 0; i < hidden.length; i++) hidden[i] ^= mask[i & 3];
  return Buffer.concat([Buffer.from(head), mask, hidden]);
}

/** Sends messages over a socket that is open, as frames. */
export async function sendMessages(raw, messages) {
  const frames = messages.map((message) =>
    typeof message === 'string'
      ? frameBytes({ opcode: 1, payload: Buffer.from(message) })
      : frameBytes({ opcode: 2, payload: Buffer.from(message) }),
  );
  await raw.write(Buffer.concat(frames));
}

/** Has the runner read all that was sent: it answers a ping, unless it has closed the connection. */
export async function readAll(raw, waitMs = 1_000) {
  const before = raw.received;
  await raw.write(frameBytes({ opcode: 9, payload: Buffer.from('?') }));
  const endMs = performance.now() + waitMs;
  while (!raw.closed && raw.received === before && performance.now() < endMs) await sleep(5);
}

/** `?body=` with the behaviour of the bot. */
export const botQuery = (bot) =>
  `?body=${Buffer.from(JSON.stringify({ bot })).toString('base64url')}`;

/** Opens a session that stays, with a bot that reads nothing. @returns its id, and what closes it */
export async function keepSession(world) {
  const response = await fetch(`${world.url}/start`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ transport: 'websocket', body: { bot: 'deaf' } }),
  });
  const id = response.headers.get('x-session-id');
  const raw = new RawSocket(world);
  await raw.upgrade(`/ws-client?session_id=${id}`);
  return { id, close: () => raw.destroy() };
}
