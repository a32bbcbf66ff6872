// Plays a speech recording to the standalone runner as each carrier does, and measures the echo.
import { setTimeout as sleep } from 'node:timers/promises';
import { placeCall } from '../dist/testing/index.js';
import { startRunner } from './runner.js';
import { likeness, recordedSpeech } from './sound.js';

const CARRIERS = ['twilio', 'telnyx', 'plivo', 'exotel'];
/** Nothing more comes after so long: what is too little for a message of Exotel's is filled up and sent after 200 ms. */
const QUIET_MS = 600;
const PATIENCE_MS = 5_000;

const pcm = recordedSpeech();
const runner = await startRunner();
try {
  console.log(
    `Playing ${(pcm.length / 8000).toFixed(1)} s of speech to ${runner.url} as ${CARRIERS.join(', ')} …\n`,
  );
  const rows = await Promise.all(CARRIERS.map(playAs));
  console.table(Object.fromEntries(rows.map(({ carrier, ...row }) => [carrier, row])));
  if (rows.some((row) => row['frames lost'] > 0 || row.likeness < 0.99)) process.exitCode = 1;
} finally {
  await runner.stop();
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
  let lastHeardMs = performance.now();
  const roundTripsMs = [];
  call.on('sent', (bytes) => {
    sentBytes += bytes.length;
    sent.push({ bytes, end: sentBytes, atMs: performance.now() });
  });
  let oldest = 0;
  call.on('audio', (bytes) => {
    heardBytes += bytes.length;
    lastHeardMs = performance.now();
    // A frame is back with its last byte; Exotel's messages hold several.
    while (oldest < sent.length && sent[oldest].end <= heardBytes) {
      roundTripsMs.push(performance.now() - sent[oldest++].atMs);
    }
  });
  await call.speak(pcm);
  // Not until all bytes are back: where the machine stalls, a message of Exotel's is filled up with silence, and they are there too early.
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (performance.now() < Math.min(deadlineMs, lastHeardMs + QUIET_MS)) await sleep(20);
  await call.hangUp();

  const back = sent.filter(({ end }) => end <= heardBytes).length;
  const sorted = roundTripsMs.sort((a, b) => a - b);
  const at = (share) => `${(sorted[Math.floor((sorted.length - 1) * share)] ?? NaN).toFixed(1)} ms`;
  return {
    carrier,
    codec: carrier === 'exotel' ? 'L16 8 kHz' : 'µ-law 8 kHz',
    'frames sent': sent.length,
    'frames back': back,
    'frames lost': sent.length - back,
    'round trip p50': at(0.5),
    'round trip p99': at(0.99),
    likeness: Number(likeness(pcm, call.audio).toFixed(3)),
  };
}
