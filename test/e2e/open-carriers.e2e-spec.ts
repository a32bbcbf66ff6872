import { EventEmitter, once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  CallRouter,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  TelephonyModule,
} from '../../src/index.js';
import { placeCall, RecordingLauncher, startHost, type TestHost } from '../../src/testing/index.js';
import type { CarrierName } from '../../src/transports/telephony/carriers/index.js';
import { plivoHeaders, TelnyxAccount, twilioHeaders } from '../support/carrier-signatures.js';
import { Lines } from '../support/lines.js';
import { closeOf, connect, post } from '../support/runner-app.js';

const TOKEN = 'a-token-of-the-account';
const KEY = 'a-private-key-of-the-host';
const telnyx = new TelnyxAccount();
const KEYS = { twilio: TOKEN, telnyx: telnyx.publicKey, plivo: TOKEN };
const SIGNED = ['twilio', 'telnyx', 'plivo'] as const;
const ALL: readonly CarrierName[] = [...SIGNED, 'exotel', 'vonage', 'genesys'];

let host: TestHost | undefined;
afterEach(async () => {
  await host?.close();
  host = undefined;
});

type Options = RunnerOptions & {
  telephony?: Parameters<typeof TelephonyModule.forRoot>[0];
  callRouter?: RunnerModuleExtras['callRouter'];
};

async function start({ telephony, ...options }: Options = {}) {
  const launched = new EventEmitter();
  const launcher = new RecordingLauncher(async (_args, session) => {
    launched.emit('bot');
    session.ready();
    await once(session.signal, 'abort');
  });
  const lines = new Lines();
  host = await startHost(
    RunnerModule.forRoot({
      launcher: { useValue: launcher },
      transports: [TelephonyModule.forRoot(telephony)],
      ...options,
    }),
    { configure: (app) => app.useLogger(lines), key: KEY },
  );
  const ws = `ws${host.url.slice(4)}/ws`;
  /** Outcome for a caller without a token: 'bot', or the close code. */
  const reaches = async (carrier: CarrierName, url = ws) => {
    const bot = once(launched, 'bot').then(() => 'bot');
    const call = await placeCall({ carrier, url });
    const outcome = await Promise.race([bot, call.closed.then(({ code }) => code)]);
    call.socket.terminate();
    return outcome;
  };
  const reached = async () =>
    Object.fromEntries(
      await ALL.reduce<Promise<[string, unknown][]>>(
        async (before, carrier) => [...(await before), [carrier, await reaches(carrier)]],
        Promise.resolve([]),
      ),
    );
  return { host, launcher, lines, ws, reaches, reached };
}

const headersOf = {
  twilio: (url: string, fields: Readonly<Record<string, string>>) =>
    twilioHeaders(TOKEN, url, { ...fields }),
  plivo: (url: string, fields: Readonly<Record<string, string>>) =>
    plivoHeaders(TOKEN, url, { ...fields }),
  telnyx: (_url: string, _fields: unknown, body: string) => telnyx.headers(body),
};

class KeysOfTenants extends CallRouter {
  override webhookKeys({ transport }: { transport: string }) {
    return transport === 'twilio' ? TOKEN : undefined;
  }
  route() {
    return {};
  }
}

const CLOSED = Object.fromEntries(ALL.map((carrier) => [carrier, 4003]));

describe('a call at /ws that nothing has announced', () => {
  it('reaches the bot while no webhooks are verified', async () => {
    const { reached } = await start();
    expect(await reached()).toEqual(Object.fromEntries(ALL.map((carrier) => [carrier, 'bot'])));
  });

  it.each<[string, Options]>([
    ['keys of one carrier', { telephony: { webhookKeys: { twilio: TOKEN } } }],
    ['keys of three', { telephony: { webhookKeys: KEYS } }],
    [
      'the auth token among the credentials',
      { telephony: { credentials: { twilio: { accountSid: 'AC1', authToken: TOKEN } } } },
    ],
    ['keys that the CallRouter looks up', { callRouter: KeysOfTenants }],
  ])('is refused with 4003 once webhooks are verified, with %s', async (_, options) => {
    const { reached, launcher } = await start(options);
    expect(await reached()).toEqual(CLOSED);
    expect(launcher.launches).toHaveLength(0);
  });

  it('reaches the bot with webhookKeys: false', async () => {
    const credentials = { twilio: { accountSid: 'AC1', authToken: TOKEN } };
    const { reaches } = await start({ telephony: { credentials, webhookKeys: false } });
    expect(await reaches('twilio')).toBe('bot');
  });

  it('is refused with the id of a session that waits for its token', async () => {
    const { host, ws, reaches } = await start({ telephony: { webhookKeys: KEYS } });
    const { sessionId } = await host.start({ transport: 'twilio' });
    expect(await reaches('twilio', `${ws}/${String(sessionId)}`)).toBe(4003);
    expect(await reaches('twilio', `${ws}?session_id=${String(sessionId)}`)).toBe(4003);
    expect(host.session(String(sessionId))?.state.name).toBe('pending');
  });

  it.each<[string, Options['telephony'], object]>([
    ['openCarriers', { openCarriers: ['exotel', 'twilio'] }, { exotel: 'bot', twilio: 'bot' }],
    [
      'the credentials of Genesys, which its connections are verified by',
      { credentials: { genesys: { apiKey: 'a-key' } } },
      { genesys: 1008 },
    ],
  ])('is taken only from the carriers of %s', async (_, telephony, open) => {
    const { reached } = await start({ telephony: { webhookKeys: KEYS, ...telephony } });
    expect(await reached()).toEqual({ ...CLOSED, ...open });
  });

  it('is refused at once where every carrier needs a token, and names the fix otherwise', async () => {
    const { ws } = await start({ telephony: { webhookKeys: KEYS } });
    expect(await closeOf(await connect(ws))).toEqual({
      code: 4003,
      reason: 'token missing, expired, used or wrong',
    });
    await host!.close();
    const mixed = await start({ telephony: { webhookKeys: KEYS, openCarriers: ['exotel'] } });
    const { closed } = await placeCall({ carrier: 'twilio', url: mixed.ws });
    expect((await closed).reason).toMatch(/twilio.*token.*openCarriers/);
  });
});

describe('a call that the runner has announced', () => {
  it.each(SIGNED)('connects by the signed webhook of %s, once', async (carrier) => {
    const { host, launcher, reaches } = await start({ telephony: { webhookKeys: KEYS } });
    const { xml } = await host.ring({ carrier, headers: headersOf[carrier] });
    expect((await launcher.nextLaunch()).args).toMatchObject({ transport_type: carrier });
    const url = /wss:\/\/[^"<]+/.exec(xml)![0].replace('wss:', 'ws:');
    expect(await reaches(carrier, url)).toBe(4003);
  });

  it.each(ALL.filter((carrier) => carrier !== 'genesys'))(
    'connects by POST /start as %s',
    async (carrier) => {
      const { host, launcher } = await start({
        telephony: { webhookKeys: KEYS },
        privateKeys: [KEY],
      });
      await host.call({ carrier, body: { user: 7 } });
      expect((await launcher.nextLaunch()).args).toMatchObject({
        transport_type: carrier,
        body: { user: 7 },
      });
    },
  );
});

describe('the webhook of a carrier that cannot be verified', () => {
  it.each(['telnyx', 'plivo', 'exotel', 'vonage', 'genesys'])(
    'is refused with 401 once those of others are verified, unless openCarriers has %s',
    async (carrier) => {
      const { host } = await start({ telephony: { webhookKeys: { twilio: TOKEN } } });
      const refused = await post(`${host.url}/telephony/${carrier}`);
      expect([refused.status, refused.json.detail]).toEqual([
        401,
        expect.stringMatching(new RegExp(`${carrier}.*openCarriers`)),
      ]);
      await host.close();
      const open = await start({
        telephony: { webhookKeys: { twilio: TOKEN }, openCarriers: [carrier] },
      });
      const response = await fetch(`${open.host.url}/telephony/${carrier}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      });
      expect(response.status).toBe(200);
    },
  );

  it('is refused where the CallRouter has no keys for it', async () => {
    const { host } = await start({ callRouter: KeysOfTenants });
    expect((await post(`${host.url}/telephony/telnyx`)).status).toBe(401);
    await host.ring({ carrier: 'twilio', headers: headersOf.twilio });
  });

  it('gives a token only to those who may start sessions, with webSocketAuth: token', async () => {
    const { host } = await start({ webSocketAuth: 'token', privateKeys: [KEY] });
    const url = `${host.url}/telephony/vonage`;
    expect((await post(url)).status).toBe(401);
    const { status, json } = await post(url, {}, { authorization: `Bearer ${KEY}` });
    expect([status, json.websocket_url]).toEqual([
      200,
      expect.stringMatching(/\/ws\/[\w-]+\.\w+$/),
    ]);
  });
});

describe('start-up', () => {
  it.each<[string, Options['telephony'], RegExp[]]>([
    ['nothing', {}, []],
    ['named carriers', { openCarriers: ['vonage'] }, [/vonage.*openCarriers/]],
    ['evals', { evals: true }, [/eval harness.*evals/]],
    ['unknown peers', { unknownCallers: 'bot' }, [/no carrier.*unknownCallers/]],
    [
      'a carrier with an account and without keys',
      { webhookKeys: { twilio: TOKEN }, credentials: { telnyx: { apiKey: 'k' } } },
      [/telnyx.*webhookKeys/],
    ],
  ])('logs what verified webhooks leave open: %s', async (_, telephony, expected) => {
    const { lines } = await start({ telephony: { webhookKeys: KEYS, ...telephony } });
    const open = lines.text.split('\n').filter((line) => /anyone/.test(line));
    expect(open).toHaveLength(expected.length);
    expected.forEach((line, at) => expect(open[at]).toMatch(line));
  });

  it.each([[['skype']], ['twilio'], [[7]]])('refuses openCarriers: %j', async (openCarriers) => {
    await expect(start({ telephony: { openCarriers: openCarriers as never } })).rejects.toThrow(
      /openCarriers must be a list of twilio, telnyx/,
    );
  });
});
