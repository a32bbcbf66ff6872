import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  BotLauncher,
  type BotSession,
  createTransport,
  ProcessBotLauncher,
  type RunnerArguments,
  RunnerModule,
  type RunnerOptions,
  SessionRegistry,
  TelephonyModule,
  type TelephonyOptions,
} from '../../src/index.js';
import { RtviSession } from '../../src/bot.js';
import { startHost, type TestHost } from '../../src/testing/index.js';
import { SpeechDetector } from '../../src/standalone/speech-detector.js';
import { closeOf, connect, nextText } from '../support/runner-app.js';
import { describeWith } from '../support/needs.js';

const { PIPECAT_PYTHON } = process.env;
const EVAL_CONNECT = {
  label: 'rtvi-ai',
  type: 'client-message',
  id: 'eval-connect',
  data: { t: 'eval-connect', d: { capture_bot_audio: true } },
};

/** Repeats what it is told, as `assistant_bot.py` does, and says what it hears. */
class Assistant extends BotLauncher {
  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const transport = await createTransport(args);
    const rtvi = new RtviSession(transport);
    const say = (text: string): void => {
      rtvi.send('bot-llm-started');
      rtvi.send('bot-llm-text', { text });
      rtvi.send('bot-llm-stopped');
    };
    rtvi.on('send-text', ({ content }) => say(`You said: ${content}`));
    let keys = '';
    transport.on('dtmf', (key) => {
      keys += key;
      if (key === '#') say(`You pressed: ${keys}`);
    });
    session.ready();
    const detector = new SpeechDetector();
    for await (const frame of transport.audioIn()) {
      if (detector.detect(frame) === 'began') say('I hear you.');
      void transport.sendAudio(frame);
    }
  }
}

let host: TestHost;
afterEach(() => host.close());

async function start(
  launcher: BotLauncher = new Assistant(),
  telephony: TelephonyOptions = { evals: true },
  options: RunnerOptions = {},
): Promise<string> {
  host = await startHost(
    RunnerModule.forRoot({
      launcher: { useFactory: () => launcher },
      transports: [TelephonyModule.forRoot(telephony)],
      webSocketBody: { user: 7 },
      ...options,
    }),
  );
  return `${host.url.replace('http', 'ws')}/ws`;
}

/** Result of Pipecat's harness. */
async function run(url: string, ...scenarios: string[]): Promise<unknown[]> {
  const { stdout } = await promisify(execFile)(PIPECAT_PYTHON!, [
    'test/support/evals/run.py',
    url,
    ...scenarios,
  ]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

const PASSED = { passed: true, failures: [] };

describeWith('Pipecat')("Pipecat's eval harness", () => {
  it('talks to a bot in Node: by text, DTMF and audio', async () => {
    const url = await start();
    expect(await run(url, 'text', 'keys', 'voice')).toEqual([PASSED, PASSED, PASSED]);
  });

  it('talks to an unchanged Pipecat bot', async () => {
    const url = await start(
      new ProcessBotLauncher({
        python: 'test/support/bots/assistant_bot.py',
        pythonPath: PIPECAT_PYTHON,
      }),
    );
    expect(await run(url, 'text')).toEqual([PASSED]);
  });

  it('reports failed expectations', async () => {
    expect(await run(await start(), 'wrong')).toMatchObject([{ passed: false }]);
  });
});

describe('an eval session', () => {
  const hello = { label: 'rtvi-ai', type: 'client-ready', id: '1', data: { version: '2.1.0' } };

  it('has its own kind and receives the bot’s audio', async () => {
    const socket = await connect(await start());
    const messages: { type: string; data: Record<string, unknown> }[] = [];
    const heard = new Promise<void>((resolve) =>
      socket.on('message', (data: Buffer) => {
        messages.push(JSON.parse(data.toString()) as (typeof messages)[number]);
        if (messages.at(-1)!.type === 'eval-bot-audio') resolve();
      }),
    );
    for (const message of [EVAL_CONNECT, hello]) socket.send(JSON.stringify(message));
    const data = {
      base64Audio: Buffer.alloc(6_400).toString('base64'),
      sampleRate: 16_000,
      numChannels: 1,
    };
    socket.send(JSON.stringify({ label: 'rtvi-ai', type: 'raw-audio', id: '2', data }));
    await heard;
    expect(messages[0]).toMatchObject({ type: 'bot-ready', id: '1' });
    expect(messages.at(-1)!.data).toEqual({
      audio: Buffer.alloc(640).toString('base64'),
      sampleRate: 16_000,
    });
    const [session] = host.app.get(SessionRegistry, { strict: false }).live;
    expect(session).toMatchObject({ transport: 'eval', body: { user: 7 } });
    socket.close();
    expect((await session!.ended).code).toBe('peer_left');
  });

  it('needs a token with webSocketAuth: token', async () => {
    const url = await start(undefined, { evals: true }, { webSocketAuth: 'token' });
    expect(await closeOf(url)).toMatchObject({ code: 4003 });
    const { token } = await host.start({ transport: 'twilio' });
    const socket = await connect(`${url}/${String(token)}`);
    for (const message of [EVAL_CONNECT, hello]) socket.send(JSON.stringify(message));
    expect(JSON.parse(await nextText(socket))).toMatchObject({ type: 'bot-ready' });
    socket.close();
  });

  it('is refused when evals are not enabled', async () => {
    const socket = await connect(await start(undefined, {}));
    socket.send(JSON.stringify(EVAL_CONNECT));
    expect(await closeOf(socket)).toMatchObject({ code: 1008 });
  });
});
