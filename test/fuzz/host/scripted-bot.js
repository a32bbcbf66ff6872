// A bot process that does what a file says: of the control channel, its WebSocket, its HTTP server and its output, good or not. It writes into
// another where it was to serve, and its id.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expanded } from '../control/messages.js';

const [folder] = process.argv.slice(2);
const { number, script } = takeScript();
const open = (fd) =>
  new Socket({ fd, readable: true, writable: true }).on('error', () => undefined);
const control = open(3);
const socket = open(4);
control.once('close', () => process.exit());

let received = '';
const started = new Promise((resolve) => {
  control.on('data', (data) => {
    received += data;
    if (received.includes('\n')) resolve(JSON.parse(received.slice(0, received.indexOf('\n'))));
  });
});
if (script.early.length > 0) control.write(`${script.early.map(expanded).join('\n')}\n`);
const start = await started;
writeFileSync(
  join(folder, `${start.session.id}.out`),
  JSON.stringify({ pid: process.pid, number, requests: start.requests }),
);
if (script.then === 'deaf') control.pause();

/** Takes a file, before another process does. */
function takeScript() {
  for (const file of readdirSync(folder).filter((one) => one.endsWith('.json'))) {
    const taken = join(folder, `${file}.taken`);
    try {
      renameSync(join(folder, file), taken);
    } catch {
      continue;
    }
    return { number: parseInt(file, 10), script: JSON.parse(readFileSync(taken, 'utf8')) };
  }
  return process.exit(1);
}

const write = (stream, data) => new Promise((resolve) => stream.write(data, resolve));
async function writePieces(stream, bytes, pieces) {
  const size = Math.ceil(bytes.length / pieces) || 1;
  for (let at = 0; at < bytes.length; at += size) {
    await write(stream, bytes.subarray(at, at + size));
    if (pieces > 1) await sleep(1);
  }
}

const upgraded = new Promise((resolve) => {
  let head = '';
  socket.on('data', async (data) => {
    if (head.includes('\r\n\r\n')) return;
    head += data.toString('latin1');
    if (!head.includes('\r\n\r\n')) return;
    const [, key] = /sec-websocket-key: (\S+)/i.exec(head) ?? [];
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
    const good = ['good', 'wrong key'].includes(script.upgrade);
    await write(
      socket,
      good
        ? `HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${
            script.upgrade === 'good' ? accept.digest('base64') : 'x'
          }\r\n\r\n`
        : script.upgrade,
    );
    resolve();
  });
});

/** Its bytes; the length says what it likes. */
function frameBytes({ head, mask, length, bytes = '', large }) {
  const payload = large === undefined ? Buffer.from(bytes, 'hex') : Buffer.alloc(large);
  const says = length === undefined || length === 'right' ? payload.length : length;
  const start = Buffer.alloc(10);
  start[0] = head;
  let size = 2;
  if (says < 126) start[1] = says;
  else if (says < 65_536) [start[1], size] = [126, start.writeUInt16BE(says, 2)];
  else [start[1], size] = [127, start.writeBigUInt64BE(BigInt(says), 2)];
  if (mask) start[1] |= 0x80;
  return Buffer.concat([start.subarray(0, size), Buffer.alloc(mask ? 4 : 0), payload]);
}

function responseBytes({ version, status, headers, manyHeaders, body }) {
  const many = Array.from({ length: manyHeaders }, () => 'x: y');
  const head = [`${version} ${status}`, ...headers, ...many].join('\r\n');
  return Buffer.from(expanded(`${head}\r\n\r\n${body}`), 'latin1');
}

const STEPS = {
  async say({ lines, end, pieces, times }) {
    const text = lines.map((line) => expanded(line.text) + end).join('');
    for (let i = 0; i < times; i++) await writePieces(control, Buffer.from(text), pieces);
  },
  async serve({ response }) {
    const server = createServer((connection) => {
      connection.on('error', () => undefined);
      const answer = async () => {
        await writePieces(connection, responseBytes(response), response.pieces);
        if (response.then === 'end') connection.end();
        if (response.then === 'destroy') connection.destroy();
      };
      if (response.then === 'again') connection.on('data', answer);
      else connection.once('data', answer);
    });
    server.on('error', () => undefined).listen(start.requests);
    await write(control, '{"type":"requests"}\n{"type":"ready"}\n');
  },
  async frames({ frames }) {
    await Promise.race([upgraded, sleep(100)]);
    for (const frame of frames) await write(socket, frameBytes(frame));
  },
  async print({ on, text, times }) {
    for (let i = 0; i < times; i++) await write(process[on], expanded(text));
  },
  raw: ({ value }) => write(control, Buffer.from(value, 'hex')),
  wait: ({ ms }) => sleep(ms),
  cutSocket: () => socket.destroy(),
  cutControl: () => control.destroy(),
  kill: () => process.kill(process.pid, 'SIGKILL'),
};

for (const step of script.steps) await STEPS[step.does](step);
if (script.then === 'done') await write(control, '{"type":"done"}\n');
if (script.then === 'exit' || script.then === 'done') process.exit();
// It stays until it is ended.
setInterval(() => undefined, 1_000);
