import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dispose } from '@livekit/rtc-node';
import { afterAll, beforeAll, describe, it, jest } from '@jest/globals';
import { FakeDaily } from '../support/fake-daily.js';
import { LIVEKIT_SERVER, LiveKitTestServer } from '../support/livekit-server.js';
import { warmUp } from '../support/webrtc-client.js';
import { readExamples } from './examples.js';
import { type Bot, generateProjects } from './projects.js';
import { BotRunner, type RunnerName, RUNNERS } from './runners.js';
import { StandIns } from './stand-ins.js';
import { converse, type Outcome, rankOf } from './trial.js';
import type { Way } from './visitors.js';

jest.setTimeout(300_000);

const { SCAFFOLDS_RESULTS, SCAFFOLDS_ONLY, SCAFFOLDS_WAY, SCAFFOLDS_PAIRWISE, PIPECAT_CLONE } =
  process.env;
const projects = generateProjects(SCAFFOLDS_PAIRWISE !== undefined);
const examples = readExamples(PIPECAT_CLONE);
const only = new RegExp(SCAFFOLDS_ONLY ?? '');
const onlyWay = new RegExp(SCAFFOLDS_WAY ?? '');
const bots = [...projects.bots, ...examples.bots]
  .map((bot) => ({ ...bot, ways: bot.ways.filter((way) => onlyWay.test(way)) }))
  .filter(({ name, ways }) => only.test(name) && ways.length > 0);

interface Row {
  readonly bot: string;
  readonly way: Way;
  readonly outcomes: Partial<Record<RunnerName, Outcome>>;
}

const table: Row[] = [];

describe.each(bots)('$name', (bot: Bot) => {
  const ways = bot.ways.filter((way) => way !== 'livekit' || LIVEKIT_SERVER);
  const rows = new Map<Way, Row>(ways.map((way) => [way, { bot: bot.name, way, outcomes: {} }]));

  beforeAll(async () => {
    await warmUp();
    await Promise.all(RUNNERS.map((name) => run(name, bot, rows)));
    table.push(...rows.values());
    if (SCAFFOLDS_RESULTS) writeFileSync(SCAFFOLDS_RESULTS, JSON.stringify(table, null, 2));
  });

  it.each(ways)('does over %s what it does under the runner of Pipecat', (way) => {
    const { here, "Pipecat's own": own } = rows.get(way)!.outcomes as Required<Row['outcomes']>;
    if (rankOf(here) >= rankOf(own) && rankOf(here) > 0) return;
    throw new Error(`here: ${JSON.stringify(here)}, Pipecat's own: ${JSON.stringify(own)}`);
  });
});

afterAll(async () => {
  projects.remove();
  examples.remove();
  await dispose();
});

/** Runs a bot under a runner, and has a conversation on each way, one after the other. */
async function run(name: RunnerName, bot: Bot, rows: ReadonlyMap<Way, Row>): Promise<void> {
  const [services, daily] = await Promise.all([StandIns.start(), FakeDaily.start()]);
  const liveKit = rows.has('livekit') ? await LiveKitTestServer.reserve() : undefined;
  daily.isStrict = name === 'here';
  let runner: BotRunner | undefined;
  try {
    await liveKit?.start(`${services.url}/livekit-webhook`);
    runner = await BotRunner.start(name, bot, {
      PYTHONPATH: join(import.meta.dirname, 'python'),
      STAND_IN_URL: services.url,
      OPENAI_BASE_URL: `${services.url}/v1`,
      ...Object.fromEntries(
        ['OPENAI', 'DEEPGRAM', 'CARTESIA', 'TELNYX'].map((it) => [`${it}_API_KEY`, 'key']),
      ),
      ...{ TWILIO_ACCOUNT_SID: 'AC1', TWILIO_AUTH_TOKEN: 'token' },
      ...{ PLIVO_AUTH_ID: 'MA1', PLIVO_AUTH_TOKEN: 'token' },
      ...{ DAILY_API_KEY: daily.apiKey, DAILY_API_URL: daily.apiUrl },
      ...(liveKit && {
        LIVEKIT_URL: liveKit.url,
        LIVEKIT_API_KEY: liveKit.apiKey,
        LIVEKIT_API_SECRET: liveKit.apiSecret,
      }),
    });
    for (const [way, row] of rows) row.outcomes[name] = await converse(runner, services, way);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    for (const { outcomes } of rows.values()) outcomes[name] ??= { reached: 'nothing', problem };
  } finally {
    if (process.env.SCAFFOLDS_VERBOSE) process.stderr.write(`${name}\n${runner?.output}\n`);
    await runner?.stop();
    await Promise.all([services.close(), daily.close(), liveKit?.kill()]);
  }
}
