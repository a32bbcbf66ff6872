import { randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { expanded } from '../control/messages.js';
import { mustFail, script } from '../control/script.js';
import { scriptsOf } from '../support/script-file.js';
import { endOf, start } from '../support/start.js';

/** Time for a bot to end by itself, and for all that is left of it to go, in milliseconds. */
const OWN_END_MS = 1_000;
const END_MS = 8_000;
/** Largest message of a bot, in bytes: the runner's default. */
const MAX_PAYLOAD_BYTES = 1_048_576;
/** Descriptors beside those that were open before. */
const MAX_DESCRIPTORS = 60;

/** Resolves with whether something becomes true. */
async function becomes(isTrue, ms) {
  for (const endMs = performance.now() + ms; performance.now() < endMs; await sleep(10)) {
    if (await isTrue()) return true;
  }
  return isTrue();
}

/** Bots in processes of their own that break the protocol of their control channel, their WebSocket, their HTTP server and their output. */
export default {
  name: 'control-channel',
  parsers: [
    'process/parse-bot-message.js',
    'process/read-lines.js',
    'process/socket-relay.js',
    'process/request-relay.js',
    'process/bot-run.js',
    'process/bot-output.js',
  ],
  async open(world) {
    const { pid } = world.runner.process;
    const folder = scriptsOf(pid);
    mkdirSync(folder, { recursive: true });
    /** Those that were written, by their number. */
    const scripts = [];
    const descriptors = () => readdirSync(`/proc/${pid}/fd`).length;
    const before = descriptors();
    const urlOf = (id) => `${world.url}/sessions/${id}`;

    async function call({ transport, messages }) {
      const { sessionId, wsUrl } = await start(world, transport, { bot: 'scripted' });
      const socket = new WebSocket(wsUrl);
      socket.on('message', (data) => {
        if (data.length > MAX_PAYLOAD_BYTES)
          world.report('relay', `a message of ${data.length} bytes came through`);
      });
      const closed = new Promise((resolve) => socket.on('close', resolve));
      socket
        .on('error', () => undefined)
        .on('open', () => {
          const send = (message) => socket.send(JSON.stringify(message));
          if (transport === 'twilio') {
            const ids = { streamSid: `MZ${randomUUID()}`, callSid: `CA${randomUUID()}` };
            send({ event: 'connected', protocol: 'Call', version: '1.0.0' });
            send({ event: 'start', ...ids, start: { ...ids, customParameters: {} } });
          }
          for (let i = 0; i < messages; i++) socket.send('{}');
        });
      return { sessionId, closed, socket };
    }

    /** A request to the session, which has to be answered by somebody. */
    async function ask(sessionId, { method, path, body }) {
      const signal = AbortSignal.timeout(END_MS);
      const hasBody = body !== '' && !['GET', 'HEAD'].includes(method);
      try {
        // The bot takes none before it says so.
        for (const endMs = performance.now() + OWN_END_MS; ; await sleep(50)) {
          const response = await fetch(`${urlOf(sessionId)}/${path}`, {
            ...{ method, signal, redirect: 'manual' },
            ...(hasBody && { body: expanded(body) }),
          });
          await response.arrayBuffer();
          if (![404, 409].includes(response.status) || performance.now() > endMs) return;
        }
      } catch (error) {
        if (signal.aborted) world.report('request', `was not answered: ${error.message}`);
      }
    }

    return {
      input: script,
      async send(given) {
        writeScript(given);
        const { sessionId, closed, socket } = await call(given);
        const closes = closed.then(() => true);
        const asked = sleep(100).then(() =>
          Promise.all(given.requests.map((request) => ask(sessionId, request))),
        );
        const ended = await Promise.race([closes, sleep(OWN_END_MS, false)]);
        if (!ended) await fetch(urlOf(sessionId), { method: 'DELETE' });
        if (!(await Promise.race([closes, sleep(END_MS, false)]))) {
          world.report('end', 'the client was not disconnected');
        }
        socket.terminate();
        await asked;
        const reason = await endOf(world, sessionId);
        if (reason === undefined) return world.report('end', 'the session goes on');
        const taken = await nothingIsLeft(sessionId);
        if (ended && taken && mustFail(taken) && reason !== 'failed') {
          world.report('verdict', `${reason}, though the bot broke the protocol`);
        }
      },
      async close() {
        rmSync(folder, { recursive: true, force: true });
      },
    };

    function writeScript(given) {
      const path = join(folder, `${scripts.push(given) - 1}`);
      writeFileSync(path, JSON.stringify(given));
      // Whole, or not there.
      renameSync(path, `${path}.json`);
    }

    /** @returns the script of the session's process, which may be that of another input; `undefined` when it ended before its start */
    async function nothingIsLeft(sessionId) {
      const path = join(folder, `${sessionId}.out`);
      if (!existsSync(path)) return undefined;
      const { pid: child, number, requests } = JSON.parse(readFileSync(path, 'utf8'));
      if (!(await becomes(() => !existsSync(`/proc/${child}`), END_MS)))
        world.report('left', 'the process goes on');
      if (requests && !(await becomes(() => !existsSync(dirname(requests)), END_MS)))
        world.report('left', `the folder ${requests}`);
      if (!(await becomes(() => descriptors() < before + MAX_DESCRIPTORS, END_MS)))
        world.report('left', `${descriptors() - before} more descriptors than before`);
      return scripts[number];
    }
  },
};
