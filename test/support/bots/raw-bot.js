// Speaks the protocol of a bot's process word for word, as its `body` says, and ends when it is told to. Its argument is said before the start.
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const control = new Socket({ fd: 3, readable: true, writable: true });
control.once('close', () => process.exit());
control.write(`{"type":"loaded"}\n${process.argv[2] ?? ''}\n`.trim() + '\n');

const lines = createInterface(control)[Symbol.asyncIterator]();
const {
  args: { body },
} = JSON.parse((await lines.next()).value);

// A program that cuts its WebSocket, and says only later what that means.
if (body.cuts !== undefined) {
  new Socket({ fd: 4, readable: true, writable: true }).on('error', () => undefined).destroy();
  await sleep(body.cuts);
}
if (body.code !== undefined) process.exit(body.code);
if (body.says) control.write(body.says.map((line) => `${line}\n`).join(''));
if (body.prints !== undefined) process.stdout.write(body.prints);
if (body.floods) {
  const { on, line } = body.floods;
  const stream = on === 'control' ? control : process[on];
  const text = `${line}\n`.repeat(Math.ceil(65_536 / (line.length + 1)));
  for (;;) await new Promise((resolve) => stream.write(text, resolve));
}
// It is told to stop.
await lines.next();
process.exit();
