import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { ChildHost } from '../../support/child-host.js';
import { launchChromium } from '../../support/chromium.js';
import { compileExample } from '../../support/compile-example.js';
import { ConsoleUser } from '../../support/console-user.js';
import { FakeOpenAi } from '../../support/fake-openai.js';
import { LiveKitTestServer } from '../../support/livekit-server.js';
import { describeWith } from '../../support/needs.js';
import { wavOf } from '../../support/sound.js';
import { joined, silence, spoken } from '../../support/spoken.js';

jest.setTimeout(120_000);

const VOICE_HZ = 24_000;
const WHERE = 'Where is my order number one two three four?';
const GREETING = 'Hello, this is the support desk.';

describeWith(
  'espeak-ng',
  'chromium',
  'livekit-server',
)('examples/support-agent', () => {
  let openai: FakeOpenAi;
  let server: LiveKitTestServer;
  let host: ChildHost;
  let browser: Browser;
  let user: ConsoleUser | undefined;
  let folder: string;

  beforeAll(async () => {
    openai = await FakeOpenAi.start();
    await openai.sentences.learn(WHERE);
    openai
      .when({ system: 'Greet the caller' }, { say: GREETING })
      .when({ user: WHERE }, { call: 'findOrder', with: { orderNumber: '1234' } })
      .when({ tool: 'findOrder' }, { say: (state) => `I have looked. ${JSON.parse(state)}` });
    server = await LiveKitTestServer.reserve();
    host = await ChildHost.startWith(
      {
        PORT: '0',
        OPENAI_API_KEY: openai.apiKey,
        OPENAI_BASE_URL: openai.url,
        TWILIO_ACCOUNT_SID: 'AC1',
        TWILIO_AUTH_TOKEN: 'none of these calls is a phone call',
        LIVEKIT_URL: server.url,
        LIVEKIT_API_KEY: server.apiKey,
        LIVEKIT_API_SECRET: server.apiSecret,
      },
      compileExample('support-agent'),
    );
    await server.start(`${host.url}/livekit-webhook`);
    folder = await mkdtemp(join(tmpdir(), 'microphone-'));
    const microphone = join(folder, 'question.wav');
    const question = [silence(8_000, VOICE_HZ), await spoken(WHERE, VOICE_HZ)];
    const wav = wavOf(joined(...question, silence(8_000, VOICE_HZ)), VOICE_HZ);
    await writeFile(microphone, wav);
    browser = await launchChromium(microphone);
  }, 90_000);
  afterEach(async () => {
    await user?.close();
    expect(openai.problems.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await host?.kill();
    await server?.kill();
    await openai?.close();
    if (folder) await rm(folder, { recursive: true });
  });

  it.each(['SmallWebRTC', 'LiveKit'])(
    'greets, hears and answers whoever asks in the console over %s',
    async (transport) => {
      user = await ConsoleUser.open(browser, `${host.url}/client`);
      await user.page.getByLabel('Transport').selectOption(transport);
      await user.press('Connect');
      await user.sees(/^ready, RTVI /);
      await user.sees(GREETING);
      await user.sees(WHERE);
      await user.sees(/^I have looked\./);
      const ended = host.printed('ended: peer_left');
      await user.press('Disconnect');
      await ended;
    },
  );
});
