import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dispose } from '@livekit/rtc-node';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { LIVEKIT_SERVER } from '../support/livekit-server.js';
import { warmUp } from '../support/webrtc-client.js';
import { Soak, type SoakResult } from './soak.js';
import { plotSoak } from './plot.js';

const { SOAK_MINUTES, SOAK_CALLS, SOAK_SEED, SOAK_JSON, SOAK_PLOT } = process.env;
const { SOAK_ONLY = '', SOAK_ABOUT = '' } = process.env;
const minutes = Number(SOAK_MINUTES);
jest.setTimeout((minutes + 5) * 60_000);

const folder = mkdtempSync(join(tmpdir(), 'soak-'));
let soak: Soak;
beforeAll(async () => {
  await warmUp();
  soak = await Soak.start(folder, Number(SOAK_SEED));
});
afterAll(async () => {
  await soak?.close();
  if (LIVEKIT_SERVER) await dispose();
  rmSync(folder, { recursive: true, force: true });
});

it('all sessions of a soak end truly, sound right, and leave nothing behind', async () => {
  const result: SoakResult = await soak.run({
    minutes,
    calls: Number(SOAK_CALLS),
    only: SOAK_ONLY,
  });
  writeFileSync(SOAK_JSON!, JSON.stringify({ about: SOAK_ABOUT, ...result }, null, 1));
  if (SOAK_PLOT) writeFileSync(SOAK_PLOT, plotSoak(result.samples, SOAK_ABOUT));
  expect(result.problems).toEqual([]);
});
