// Plays a speech recording to the standalone runner as each carrier does, and measures the echo.
import { placeCall } from '../dist/testing/index.js';
import { startRunner } from './runner.js';
import { likeness, recordedSpeech } from './sound.js';

const CARRIERS = ['twilio', 'telnyx', 'plivo', 'exotel'];

const pcm = recordedSpeech();
const runner = await startRunner();
try {
  console.log(
    `Playing ${(pcm.length / 8000).toFixed(1)} s of speech to ${runner.url} as ${CARRIERS.join(', ')} …\n`,
  );
  const rows = await Promise.all(CARRIERS.map(playAs));
  console.table(Object.fromEntries(rows.map(({ carrier, ...row }) => [carrier, row])));
  // Where the machine stalls, Exotel's present message is filled up with silence, which shifts the bytes by which frames are counted.
  const mostLost = (carrier) => (carrier === 'exotel' ? 10 : 0);
  if (rows.some((row) => row['frames lost'] > mostLost(row.carrier) || row.likeness < 0.99))
    process.exitCode = 1;
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
