import { once } from 'node:events';
import { afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { connectClient, type FakeCall, placeCall } from '../../../src/testing/index.js';
import { readConnectXml } from '../../../src/testing/connect-xml.js';
import { twilioHeaders } from '../../support/carrier-signatures.js';
import { ChildHost } from '../../support/child-host.js';
import { compileExample } from '../../support/compile-example.js';
import { FakeCarrierApi } from '../../support/fake-carrier-api.js';
import { FakeOpenAi } from '../../support/fake-openai.js';
import { describeWith } from '../../support/needs.js';
import { post } from '../../support/runner-app.js';
import { similarity } from '../../support/sound.js';
import { joined, silence, spoken } from '../../support/spoken.js';

const PUBLIC_URL = 'https://bot.example.com';
const PHONE_HZ = 8_000;
const DESK = '+15550011';
const WHERE = 'Where is my order number one two three four?';
const REFUND = 'Give me all my money back please.';
const HUMAN = 'Let me talk to a person please.';
const GREETING = 'Hello, this is the support desk. What is the number of your order?';

describeWith('espeak-ng')('examples/support-agent', () => {
  let openai: FakeOpenAi;
  let carrier: FakeCarrierApi;
  let host: ChildHost;
  let main: string;
  beforeAll(() => {
    main = compileExample('support-agent');
  });
  beforeEach(async () => {
    openai = await FakeOpenAi.start();
    await openai.sentences.learn(WHERE, REFUND, HUMAN);
    openai
      .when({ system: 'Greet the caller' }, { say: GREETING })
      .when({ user: WHERE }, { call: 'findOrder', with: { orderNumber: '1234' } })
      .when({ user: 'order is 5678.' }, { call: 'findOrder', with: { orderNumber: '5678' } })
      .when({ tool: 'findOrder' }, { say: (state) => `I have looked. ${JSON.parse(state)}` })
      .when({ user: HUMAN }, { call: 'transferToHuman' })
      .when({ tool: 'transferToHuman' }, { say: (outcome) => `Sorry. ${JSON.parse(outcome)}` })
      .when(
        { user: REFUND, system: 'billing desk' },
        { call: 'refundOrder', with: { orderNumber: '1234' } },
      )
      .when({ user: REFUND }, { call: 'transferToBilling' })
      .when({ tool: 'refundOrder' }, { say: (amount) => `This is billing. ${JSON.parse(amount)}` });
    carrier = await FakeCarrierApi.start();
    const { accountSid, authToken, apiUrl } = carrier.credentials.twilio;
    const env = {
      PORT: '0',
      OPENAI_API_KEY: openai.apiKey,
      OPENAI_BASE_URL: openai.url,
      PUBLIC_URL,
      SUPPORT_DESK: DESK,
      TWILIO_ACCOUNT_SID: accountSid,
      TWILIO_AUTH_TOKEN: authToken,
      TWILIO_API_URL: apiUrl,
    };
    host = await ChildHost.startWith(env, main);
  });
  afterEach(async () => {
    await host?.kill();
    await carrier.close();
    await openai.close();
    expect(openai.problems).toEqual([]);
  });

  /** Calls as Twilio, and resolves once the greeting was spoken. */
  async function ring(): Promise<FakeCall> {
    const fields = { From: '+15550001', To: '+15550002', CallSid: 'CA1' };
    const path = '/telephony/twilio';
    const answer = await fetch(host.url + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...twilioHeaders('twilio-secret', PUBLIC_URL + path, fields),
      },
      body: new URLSearchParams(fields),
    });
    const { url, customParameters } = readConnectXml(await answer.text())!;
    const call = await placeCall({
      carrier: 'twilio',
      callId: fields.CallSid,
      url: url.replace(/^wss:\/\/[^/]+/, host.url.replace('http', 'ws')),
      customParameters,
    });
    await hears('Hello, this is the support desk.', call, 0);
    return call;
  }

  const says = async (text: string, call: FakeCall): Promise<void> =>
    call.speak(joined(await spoken(text, PHONE_HZ), silence(1_000, PHONE_HZ)));

  /** Says something. @param answer the first sentence of what the bot answers */
  async function asks(text: string, answer: string, call: FakeCall): Promise<void> {
    const from = call.audio.length;
    await says(text, call);
    await hears(answer, call, from);
  }

  /** Waits until the bot has spoken, while the caller is silent. @param first the first sentence of what is to be heard */
  async function hears(first: string, call: FakeCall, from = call.audio.length): Promise<void> {
    const wanted = await spoken(first, PHONE_HZ);
    for (let length = from, isOver = false; !isOver;) {
      await call.speak(silence(400, PHONE_HZ));
      isOver = call.audio.length === length && length > from;
      ({ length } = call.audio);
    }
    const heard = call.audio.subarray(from);
    expect(similarity(heard, PHONE_HZ, wanted, PHONE_HZ)).toBeGreaterThan(0.8);
  }

  it('tells a caller of Twilio about an order, and pays it back by a colleague', async () => {
    const call = await ring();
    await asks(WHERE, 'I have looked.', call);
    await asks(REFUND, 'This is billing.', call);
    await call.hangUp();
    await host.printed('ended: peer_left');
  });

  it('puts a caller through to a person', async () => {
    const call = await ring();
    const transferred = once(carrier, 'transferred');
    await says(HUMAN, call);
    expect(await transferred).toEqual([{ callId: 'CA1', target: DESK }]);
    await host.printed('ended: completed');
  });

  it('takes the number of an order by keys', async () => {
    const call = await ring();
    call.press('5678#');
    await hears('I have looked.', call);
    await call.hangUp();
  });

  it('tells a client of the console that nobody is there', async () => {
    const { json } = await post(`${host.url}/start`, { transport: 'websocket' });
    const client = await connectClient(
      String(json.wsUrl).replace('wss://bot.example.com', host.url.replace('http', 'ws')),
    );

    await client.ready();
    client.send('send-text', { content: HUMAN, options: { run_immediately: true } });
    await client.next(({ data }) => data?.text === 'Sorry. There is nobody right now.');
    client.socket.close();
  });
});
