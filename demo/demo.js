// Plays a speech recording to the standalone runner as each carrier does, and measures the echo.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { placeCall } from '../dist/testing/index.js';

const CARRIERS = ['twilio', 'telnyx', 'plivo', 'exotel'];

const pcm = readPcm(await readFile(new URL('inaugural-1961.wav', import.meta.url)));
const runner = await startRunner();
try {
  console.log(
    `Playing ${(pcm.length / 8000).toFixed(1)} s of speech to ${runner.url} as ${CARRIERS.join(', ')} …\n`,
  );
  const rows = await Promise.all(CARRIERS.map(playAs));
  console.table(Object.fromEntries(rows.map(({ carrier, ...row }) => [carrier, row])));
  if (rows.some((row) => row['frames lost'] > 0 || row.likeness < 0.99)) process.exitCode = 1;
} finally {
  runner.process.kill('SIGTERM');
  await once(runner.process, 'exit');
}

/** Starts the runner on a free port, which its banner names. */
async function startRunner() {
  const main = new URL('../dist/main.js', import.meta.url).pathname;
  const child = spawn(process.execPath, [main, '--host', '127.0.0.1', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface(child.stdout)) {
    const url = /http:\/\/\S+/.exec(line)?.[0];
    if (url) {
      child.stdout.resume();
      return { process: child, url };
    }
  }
  throw new Error('The runner did not start.');
}

/** Places one call, announced by `POST /start`. */
async function playAs(carrier) {
  const answer = await fetch(`${runner.url}/start`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ transport: carrier }),
  });
  const call = await placeCall({ carrier, url: (await answer.json()).wsUrl });
  const sent = [];
  let sentBytes = 0;
  let heardBytes = 0;
  const roundTripsMs = [];
  call.on('sent', (bytes) => {
    sentBytes += bytes.length;
    sent.push({ bytes, end: sentBytes, atMs: performance.now() });
  });
  let oldest = 0;
  call.on('audio', (bytes) => {
    heardBytes += bytes.length;
    // A frame is back with its last byte; Exotel's messages hold several.
    while (oldest < sent.length && sent[oldest].end <= heardBytes) {
      roundTripsMs.push(performance.now() - sent[oldest++].atMs);
    }
  });
  await call.speak(pcm);
  const expected = carrier === 'exotel' ? sentBytes - (sentBytes % 3200) : sentBytes;
  await Promise.race([
    call.heard(expected),
    new Promise((resolve) => setTimeout(resolve, 2_000).unref()),
  ]);
  await call.hangUp();

  const all = Buffer.concat(sent.map(({ bytes }) => bytes));
  const sorted = roundTripsMs.sort((a, b) => a - b);
  const at = (share) => `${(sorted[Math.floor((sorted.length - 1) * share)] ?? NaN).toFixed(1)} ms`;
  // The rest below Exotel's smallest message is not sent, and not lost.
  const held = Math.floor((all.length - expected) / sent[0].bytes.length);
  return {
    carrier,
    codec: carrier === 'exotel' ? 'L16 8 kHz' : 'µ-law 8 kHz',
    'frames sent': sent.length,
    'frames back': roundTripsMs.length,
    'frames lost': sent.length - held - roundTripsMs.length,
    'round trip p50': at(0.5),
    'round trip p99': at(0.99),
    likeness: Number(likeness(pcm, call.audio).toFixed(3)),
  };
}

/** Returns the highest normalized cross-correlation of input and echo over all lags: 1 for identical audio. */
function likeness(said, heard) {
  let best = 0;
  for (let lag = 0; lag < 400; lag++) {
    let [dot, powerSaid, powerHeard] = [0, 0, 0];
    for (let i = 0; i + lag < heard.length && i < said.length; i++) {
      dot += said[i] * heard[i + lag];
      powerSaid += said[i] ** 2;
      powerHeard += heard[i + lag] ** 2;
    }
    best = Math.max(best, dot / Math.sqrt(powerSaid * powerHeard));
  }
  return best;
}

/** Returns the samples of a 16-bit mono WAV file at 8 kHz. */
function readPcm(wav) {
  const data = wav.indexOf('data');
  const format = wav.indexOf('fmt ');
  if (
    wav.readUInt16LE(format + 10) !== 1 ||
    wav.readUInt32LE(format + 12) !== 8000 ||
    wav.readUInt16LE(format + 22) !== 16
  ) {
    throw new Error('The recording must be 16-bit mono at 8 kHz.');
  }
  const length = wav.readUInt32LE(data + 4) / 2;
  return Int16Array.from({ length }, (_, i) => wav.readInt16LE(data + 8 + i * 2));
}
