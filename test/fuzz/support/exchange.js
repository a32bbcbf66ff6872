import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Longest time for an answer, in milliseconds. */
const ANSWER_MS = 5_000;
/** Between pieces of bytes that are to arrive apart, in milliseconds. */
const PIECES_MS = 1;

/**
 * Sends bytes over a connection of their own and resolves with what is answered, up to the head of the first answer; '' for none.
 * @param bytes a buffer, or pieces that arrive apart
 */
export async function exchange({ host, port }, bytes) {
  const socket = connect(port, host).setNoDelay(true);
  let answer = '';
  const answered = new Promise((resolve) => {
    socket.on('data', (data) => {
      answer += data.toString('latin1');
      if (answer.includes('\r\n\r\n')) resolve();
    });
    socket.on('error', () => undefined).on('close', resolve);
    setTimeout(resolve, ANSWER_MS).unref();
  });
  for (const piece of [bytes].flat()) {
    socket.write(piece);
    if (piece !== bytes) await sleep(PIECES_MS);
  }
  await answered;
  socket.destroy();
  return answer;
}

/** Sends bytes, and breaks the connection off once they are sent. */
export async function breakOff({ host, port }, bytes) {
  const socket = connect(port, host).on('error', () => undefined);
  await new Promise((resolve) => socket.on('close', resolve).write(bytes, () => socket.destroy()));
}

/** The status of an answer; 0 for none. */
export const statusOf = (answer) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);

/** Builds the bytes of a request. Names and values are written as they are, in Latin-1. */
export function requestBytes({ method, path, headers = [], body }) {
  const all = headers.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name))
    ? headers
    : [...headers, ...(body === undefined ? [] : [['content-length', String(body.length)]])];
  const head = [`${method} ${path} HTTP/1.1`, ...all.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.concat([
    Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'),
    body ?? Buffer.alloc(0),
  ]);
}

/** Sends a request, and reports an answer that only a fault of the runner can have. */
export async function request(world, bytes) {
  const answer = await exchange(world, bytes);
  const status = statusOf(answer);
  if (status === 500) world.report('answer', `500: ${answer.slice(0, 300)}`);
  return status;
}
