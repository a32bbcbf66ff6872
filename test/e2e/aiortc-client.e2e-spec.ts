import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, expect, it, jest } from '@jest/globals';
import {
  createTransport,
  RunnerModule,
  type Session,
  SessionRegistry,
  SmallWebRtcModule,
} from '../../src/index.js';
import { RtviSession } from '../../src/bot.js';
import { RecordingLauncher, startHost, type TestHost } from '../../src/testing/index.js';
import { describeWith } from '../support/needs.js';
import { ProcessHost } from '../support/process-host.js';
import { atRate, found, sharpened, speech } from '../support/sound.js';

jest.setTimeout(120_000);

const { PIPECAT_PYTHON } = process.env;
const HEARD_HZ = 16_000;
/** Number of the client's last samples that a sample of the bot's has in it, at 16 kHz: as in `sharpened`. */
const BEFORE = 8;

/** The bot of `webrtc_bot.py`: says back what it hears, sharpened, and answers messages. */
const sharpens = new RecordingLauncher(async (args, session) => {
  const transport = await createTransport(args, { sampleRateHz: HEARD_HZ });
  new RtviSession(transport).onClientMessage(({ data }) => ({ echo: data }));
  session.ready();
  let before: Int16Array = new Int16Array(BEFORE);
  for await (const { pcm } of transport.audioIn()) {
    const all = new Int16Array([...before, ...pcm]);
    before = all.slice(-BEFORE);
    const sharp = pcm.map((sample, i) => (sample >> 1) - (all[i]! >> 1));
    void transport.sendAudio({ pcm: sharp, sampleRateHz: HEARD_HZ });
  }
});

describeWith('Pipecat')('a client on aiortc', () => {
  let host: TestHost | undefined;
  const folder = mkdtempSync(join(tmpdir(), 'aiortc-'));
  afterEach(() => host?.close());
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Runs the client. @returns what it printed after each step, and what it heard */
  async function run(url: string) {
    const [spoken, heard] = ['spoken', 'heard'].map((name) => join(folder, name)) as [
      string,
      string,
    ];
    writeFileSync(spoken, atRate(speech(3), 8_000, 48_000));
    const message = { label: 'rtvi-ai', type: 'client-message', id: '7', data: { t: 'ask', d: 5 } };
    const { stdout } = await promisify(execFile)(PIPECAT_PYTHON!, [
      'test/support/peers/webrtc_client.py',
      ...[`${url}/api/offer`, spoken, heard, JSON.stringify(message)],
    ]);
    const steps = new Map(
      stdout
        .trim()
        .split('\n')
        .map((line) => [line.split(' ')[0]!, line.slice(line.indexOf(' ') + 1)] as const),
    );
    const { buffer, byteOffset, length } = readFileSync(heard);
    return { steps, pcm: new Int16Array(buffer.slice(byteOffset, byteOffset + length)) };
  }

  async function expectConversation(url: string): Promise<void> {
    const { steps, pcm } = await run(url);
    expect([...steps.keys()]).toEqual(['asked', 'heard', 'renegotiated', 'restarted', 'gone']);
    for (const step of ['asked', 'renegotiated', 'restarted']) {
      expect(steps.get(step)).toContain('"echo": 5');
    }
    const restartedAt = Number(steps.get('restarted')!.split(' ').at(-1));
    for (const heard of [pcm.subarray(0, Number(steps.get('heard'))), pcm.subarray(restartedAt)]) {
      const bots = found(heard, HEARD_HZ, sharpened(speech(2)), 8_000);
      expect(bots).toBeGreaterThan(0.8);
      expect(found(heard, HEARD_HZ, speech(2), 8_000)).toBeLessThan(bots - 0.03);
    }
  }

  const webRtc = SmallWebRtcModule.forRoot({ peerTimeoutMs: 3_000 });

  it('talks to a Node bot until it is gone without a word', async () => {
    host = await startHost(
      RunnerModule.forRoot({ launcher: { useValue: sharpens }, transports: [webRtc] }),
      { logger: false },
    );
    const sessions: Session[] = [];
    host.app.get(SessionRegistry, { strict: false }).observers.add({
      changed: (session) => void (session.state.name === 'launching' && sessions.push(session)),
    });
    await expectConversation(host.url);
    expect(sessions).toHaveLength(1);
    expect(await sessions[0]!.ended).toMatchObject({
      code: 'peer_left',
      message: 'Nothing was heard of the client.',
    });
  });

  it('talks to a Python bot until it is gone without a word', async () => {
    const program = { python: 'test/support/bots/webrtc_bot.py', pythonPath: PIPECAT_PYTHON };
    const running = await ProcessHost.start(program, { transports: [webRtc] });
    ({ host } = running);
    await expectConversation(host.url);
    expect(running.sessions).toHaveLength(1);
    expect(await running.sessions[0]!.ended).toMatchObject({
      code: 'peer_left',
      message: 'Nothing was heard of the client.',
    });
  });
});
