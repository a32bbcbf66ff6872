import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  CallLimits,
  InMemoryCallLimits,
  OutboundCalls,
  type OutboundCallOptions,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  type Session,
  SessionHooks,
  type SessionRecord,
  SessionRegistry,
  TelephonyModule,
  type TelephonyOptions,
  SessionEnd,
} from '../../src/index.js';
import { type TenantLimitsSource } from '../../src/calls/in-memory-call-limits.js';
import { RecordingLauncher, startHost, type TestHost } from '../../src/testing/index.js';
import { FakeCarrierApi } from '../support/fake-carrier-api.js';
import { Lines } from '../support/lines.js';
import { closeOf } from '../support/runner-app.js';

const CARRIERS = ['twilio', 'telnyx', 'plivo'] as const;
type Carrier = (typeof CARRIERS)[number];

class Records extends SessionHooks {
  readonly ends: SessionRecord[] = [];
  readonly refusals: string[] = [];
  ended(record: SessionRecord): void {
    this.ends.push(record);
  }
  override refused({ code, call }: Parameters<SessionHooks['refused']>[0]): void {
    this.refusals.push(`${code} ${call?.direction} ${call?.to}`);
  }
}

let api: FakeCarrierApi;
let host: TestHost | undefined;
beforeEach(async () => void (api = await FakeCarrierApi.start()));
afterEach(async () => {
  await host?.close();
  host = undefined;
  await api.close();
});

async function start({
  telephony,
  ...options
}: RunnerOptions & RunnerModuleExtras & { telephony?: TelephonyOptions } = {}) {
  const launcher = new RecordingLauncher();
  const records = new Records();
  host = await startHost(
    RunnerModule.forRoot({
      launcher: { useValue: launcher },
      sessionHooks: { useValue: records },
      transports: [TelephonyModule.forRoot({ credentials: api.credentials, ...telephony })],
      publicUrl: 'https://bot.example.com',
      ...options,
    }),
    { logger: false },
  );
  api.runnerUrl = host.url;
  const calls = host.app.get(OutboundCalls, { strict: false });
  const registry = host.app.get(SessionRegistry, { strict: false });
  return { calls, registry, launcher, records, host };
}

const callOf = (
  carrier: Carrier,
  more: Partial<OutboundCallOptions> = {},
): OutboundCallOptions => ({ carrier, to: '+15550001', from: '+15550100', ...more });

const limitedTo = (limits: TenantLimitsSource) => ({
  callLimits: { useValue: new InMemoryCallLimits(limits) },
});

describe.each(CARRIERS)('an outbound call through %s', (carrier) => {
  it.each(['none', 'token'] as const)(
    'rings, and connects to its bot, with webSocketAuth: %s',
    async (webSocketAuth) => {
      const { calls, launcher, records, host } = await start({ webSocketAuth });
      const { sessionId, callId, ended } = await calls.dial(
        callOf(carrier, {
          body: { appointment: 7 },
          bot: 'reminder',
          principal: { id: 'acme', claims: { plan: 'gold' } },
          ringTimeoutMs: 20_000,
          customParameters: { topic: 'teeth' },
        }),
      );
      const [placed] = api.placed;
      expect(placed).toMatchObject({
        to: carrier === 'plivo' ? '15550001' : '+15550001',
        from: carrier === 'plivo' ? '15550100' : '+15550100',
        ringTimeoutSeconds: 20,
      });
      expect(callId).toBe(placed!.callId);
      const phone = await host.follow(await placed!.answer(), { carrier });
      const { args, session } = await launcher.nextLaunch();
      expect(session).toMatchObject({
        id: sessionId,
        transport: carrier,
        bot: 'reminder',
        claims: { plan: 'gold' },
      });
      expect(args).toMatchObject({
        body: { appointment: 7 },
        call_data: { from: '+15550100', to: '+15550001', body: { topic: 'teeth' } },
      });
      await phone!.hangUp();
      expect(await ended).toMatchObject({ code: 'peer_left' });
      expect(records.ends).toEqual([
        expect.objectContaining({
          sessionId,
          principal: expect.objectContaining({ id: 'acme' }),
          call: {
            direction: 'outbound',
            from: '+15550100',
            to: '+15550001',
            callId: phone!.facts.callId,
          },
        }),
      ]);
      expect(api.over.size).toBe(0);
    },
  );

  it('keeps the id of its media connection where that is quicker than the answer of the API', async () => {
    const { calls, launcher, records, host } = await start();
    const connected = new Promise<Awaited<ReturnType<typeof host.follow>>>((resolve) => {
      api.whenPlaced = async () => {
        resolve(await host.follow(await api.placed[0]!.answer(), { carrier }));
        await launcher.nextLaunch();
      };
    });
    const { callId, ended } = await calls.dial(callOf(carrier));
    const phone = await connected;
    expect(phone!.facts.callId).not.toBe(callId);
    await phone!.hangUp();
    await ended;
    expect(records.ends).toEqual([
      expect.objectContaining({
        call: expect.objectContaining({ callId: phone!.facts.callId }),
      }),
    ]);
  });

  it('lets no other WebSocket connect to its session', async () => {
    const { calls, host } = await start({ webSocketAuth: 'token' });
    await calls.dial(callOf(carrier));
    const xml = await api.placed[0]!.answer();
    const phone = await host.follow(xml, { carrier });
    const again = await host.follow(xml, { carrier });
    expect(await again!.closed).toMatchObject({ code: 4003 });
    await phone!.hangUp();
  });

  it.each<[string, Parameters<FakeCarrierApi['misbehaviours']['push']>[0], string, RegExp]>([
    ['fails', { status: 500 }, 'PROVIDER_REFUSED', / answered 500/],
    ['does not answer', 'hang', 'PROVIDER_TIMEOUT', / did not answer in time/],
    ['breaks off', 'cut', 'PROVIDER_UNREACHABLE', / could not be reached/],
    [
      'refuses, and says why',
      { status: 400, body: { message: 'The number is not yours: +15550100' } },
      'PROVIDER_REFUSED',
      / answered 400: The number is not yours: \*\*\*/,
    ],
  ])(
    'leaves nothing behind, and is not placed twice, when the API %s',
    async (_, how, code, message) => {
      const limits = new InMemoryCallLimits({ maxCalls: 1 });
      const { calls, registry, records } = await start({ callLimits: { useValue: limits } });
      api.misbehaviours.push(how);
      await expect(calls.dial(callOf(carrier))).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
      expect(api.requests).toHaveLength(1);
      expect(registry.size).toBe(0);
      expect(limits.usageOf(undefined).calls).toBe(0);
      expect(records.ends).toEqual([
        expect.objectContaining({ code: 'start_failed', refusal: code }),
      ]);
      expect(records.refusals).toEqual([]);
      await calls.dial(callOf(carrier));
    },
  );

  it('stops ringing when its session ends', async () => {
    const { calls, registry } = await start();
    const { sessionId, callId, ended } = await calls.dial(callOf(carrier));
    await registry.require(sessionId).end(new SessionEnd('stopped', 'changed our mind'));
    expect(await ended).toMatchObject({ code: 'stopped' });
    expect([...api.over]).toEqual([callId]);
    // Until somebody answers, Plivo has told the id of the request only.
    if (carrier === 'plivo') expect(api.requests.at(-1)!.path).toContain('/Request/');
  });

  it('stops ringing when its session ends during the API request', async () => {
    const { calls, registry } = await start();
    api.whenPlaced = async () => {
      void registry.live[0]!.end(new SessionEnd('stopped', 'changed our mind'));
    };
    const { callId, ended } = await calls.dial(callOf(carrier));
    expect(await ended).toMatchObject({ code: 'stopped' });
    while (!api.over.has(callId!)) await once(api, 'ended');
  });

  it('stops ringing on shutdown', async () => {
    const { calls, host: running } = await start();
    const { callId, ended } = await calls.dial(callOf(carrier));
    await running.close();
    host = undefined;
    expect(await ended).toMatchObject({ code: 'draining' });
    expect([...api.over]).toEqual([callId]);
  });

  it('is prepared for a host that places it itself, within the same limits', async () => {
    const { calls, launcher, host } = await start(limitedTo({ maxCalls: 1 }));
    const { xml, ended } = await calls.prepare(callOf(carrier, { body: 'mine' }));
    expect(xml).toContain('wss://bot.example.com/ws/');
    expect(api.requests).toEqual([]);
    await expect(calls.dial(callOf(carrier))).rejects.toMatchObject({ code: 'CALL_LIMIT' });
    const phone = await host.follow(xml, { carrier });
    expect((await launcher.nextLaunch()).args.body).toBe('mine');
    await phone!.hangUp();
    await ended;
    await calls.dial(callOf(carrier));
  });

  it('passes the host’s extra parameters on to the carrier, but not other parties', async () => {
    const { calls } = await start();
    const extra = { MachineDetection: 'Enable', To: '+1900', to: '+1900' };
    await calls.dial(callOf(carrier, { extra }));
    const [{ to, fields }] = api.placed as [(typeof api.placed)[number]];
    expect(to).toMatch(/15550001$/);
    expect(fields).toMatchObject({ MachineDetection: 'Enable' });
  });

  it('uses the account of the call, also for hanging up', async () => {
    const { calls, launcher, host } = await start({ telephony: { credentials: {} } });
    await expect(calls.dial(callOf(carrier))).rejects.toMatchObject({
      code: 'TRANSPORT_UNAVAILABLE',
      message: expect.stringMatching(/credentials/),
    });
    const { ended } = await calls.dial(callOf(carrier, { credentials: api.credentials }));
    const phone = await host.follow(await api.placed[0]!.answer(), { carrier });
    await launcher.nextLaunch();
    await phone!.hangUp();
    await ended;
  });
});

describe('an unanswered outbound call', () => {
  it('ends its session as expired, and frees its slot', async () => {
    const limits = new InMemoryCallLimits({ maxCalls: 1 });
    // Sooner than the shortest ringing.
    const { calls } = await start({ callLimits: { useValue: limits }, pendingTtlMs: 50 });
    const { ended } = await calls.dial(callOf('twilio'));
    expect(await ended).toMatchObject({ code: 'expired' });
    expect(limits.usageOf(undefined)).toEqual({ calls: 0, minutes: 0 });
    // By then it rings no more.
    expect(api.over.size).toBe(0);
  });

  it('is hung up when it is answered too late', async () => {
    const { calls, host } = await start({ pendingTtlMs: 50 });
    const { ended } = await calls.dial(callOf('twilio'));
    await ended;
    const phone = await host.follow(await api.placed[0]!.answer(), { carrier: 'twilio' });
    expect(await phone!.closed).toMatchObject({ code: 4003 });
  });
});

describe('limits of outbound calls', () => {
  it('hold for each tenant when many calls are placed at once', async () => {
    const { calls, registry, records } = await start(
      limitedTo(async (tenant) => {
        await new Promise((resolve) => setImmediate(resolve));
        return { maxCalls: tenant === 'big' ? 4 : 2 };
      }),
    );
    const dials = Array.from({ length: 40 }, (_, i) =>
      calls.dial(callOf(CARRIERS[i % 3]!, { principal: { id: i % 2 ? 'big' : 'small' } })),
    );
    const outcomes = await Promise.allSettled(dials);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(6);
    expect(api.placed).toHaveLength(6);
    expect(registry.size).toBe(6);
    expect(records.refusals).toHaveLength(34);
    expect(new Set(records.refusals)).toEqual(new Set(['CALL_LIMIT outbound +15550001']));
  });

  it('end a running call when the minutes are used up', async () => {
    const limits = new InMemoryCallLimits({ maxMinutes: 0.1 / 60 });
    const { calls, launcher, host } = await start({ callLimits: { useValue: limits } });
    const { ended } = await calls.dial(callOf('twilio'));
    const phone = await host.follow(await api.placed[0]!.answer(), { carrier: 'twilio' });
    await launcher.nextLaunch();
    expect(await ended).toMatchObject({
      code: 'too_long',
      message: expect.stringMatching(/minutes that may be called are used up/),
    });
    expect(await phone!.closed).toMatchObject({ code: 1000 });
    await expect(calls.dial(callOf('twilio'))).rejects.toMatchObject({
      code: 'CALL_LIMIT',
      status: 429,
      details: { limit: 'minutes' },
    });
  });

  it('refuse a destination without asking the carrier', async () => {
    const { calls, registry } = await start(limitedTo({ destinations: ['+49'] }));
    await expect(calls.dial(callOf('plivo'))).rejects.toMatchObject({
      code: 'DESTINATION_REFUSED',
      status: 403,
      limit: 'destination',
    });
    expect(api.requests).toEqual([]);
    expect(registry.size).toBe(0);
  });

  it('can be the host’s own, which receive each call until its end', async () => {
    const seen: string[] = [];
    class DatabaseLimits extends CallLimits {
      async reserve({ tenant, to }: Parameters<CallLimits['reserve']>[0]) {
        seen.push(`reserve ${tenant} ${to}`);
        return {
          answered: () => void seen.push('answered'),
          ended: async () => void seen.push('ended'),
        };
      }
    }
    const { calls, launcher, host } = await start({ callLimits: DatabaseLimits });
    const { ended } = await calls.dial(callOf('twilio', { principal: { id: 'acme' } }));
    const phone = await host.follow(await api.placed[0]!.answer(), { carrier: 'twilio' });
    await launcher.nextLaunch();
    await phone!.hangUp();
    await ended;
    api.misbehaviours.push({ status: 400 });
    await expect(calls.dial(callOf('twilio'))).rejects.toThrow(/answered 400/);
    expect(seen).toEqual([
      'reserve acme +15550001',
      'answered',
      'ended',
      'reserve undefined +15550001',
      'ended',
    ]);
  });

  it('that fail after a call was placed change nothing but the log', async () => {
    class BrokenLimits extends CallLimits {
      reserve() {
        const fail = () => Promise.reject(new Error('no database'));
        return { answered: fail, ended: fail };
      }
    }
    const lines = new Lines();
    const { calls, launcher, host, registry } = await start({ callLimits: BrokenLimits });
    host.app.useLogger(lines);
    const { ended } = await calls.dial(callOf('twilio'));
    const phone = await host.follow(await api.placed[0]!.answer(), { carrier: 'twilio' });
    await launcher.nextLaunch();
    expect(await lines.with('callLimits failed')).toMatch(/no database/);
    await phone!.hangUp();
    expect(await ended).toMatchObject({ code: 'peer_left' });
    expect(registry.size).toBe(0);
    // A session that cannot even be opened gives back its share as well.
    await expect(
      calls.dial({ ...callOf('twilio'), principal: { id: 'acme', maxSessions: 0 } }),
    ).rejects.toMatchObject({ code: 'AT_CAPACITY' });
  });

  it('return the reservation of a call at maxSessions', async () => {
    const limits = new InMemoryCallLimits({ maxCalls: 5 });
    const { calls } = await start({ callLimits: { useValue: limits }, maxSessions: 1 });
    await calls.dial(callOf('twilio'));
    await expect(calls.dial(callOf('twilio'))).rejects.toMatchObject({ code: 'AT_CAPACITY' });
    expect(limits.usageOf(undefined).calls).toBe(1);
  });
});

describe('an outbound call that cannot be placed', () => {
  it.each<[object, string, RegExp]>([
    [{ to: '15550001' }, 'INVALID_FIELDS', /to must be a phone number in E\.164/],
    [{ to: '+15550001<+1900' }, 'INVALID_FIELDS', /to must be/],
    [{ to: 'sip:a@b"/><Hangup/>' }, 'INVALID_FIELDS', /to must be/],
    [{ from: 'me' }, 'INVALID_FIELDS', /from must be/],
    [{ carrier: 'exotel' }, 'INVALID_FIELDS', /carrier must be one of twilio, telnyx, plivo/],
    [{ carrier: 'websocket' }, 'INVALID_FIELDS', /carrier must be one of/],
    [{ ringTimeoutMs: 1_000 }, 'INVALID_FIELDS', /ringTimeoutMs must be/],
  ])('names the problem: %j', async (wrong, code, message) => {
    const { calls, registry } = await start();
    await expect(calls.dial({ ...callOf('twilio'), ...wrong })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect(registry.size).toBe(0);
    expect(api.requests).toEqual([]);
  });

  it('needs a public URL', async () => {
    const { calls } = await start({ publicUrl: undefined });
    await expect(calls.dial(callOf('twilio'))).rejects.toMatchObject({
      code: 'NO_PUBLIC_URL',
      message: expect.stringMatching(/set publicUrl in RunnerModule/),
    });
    await host!.close();
    const own = await start({
      publicUrl: undefined,
      telephony: { publicUrl: 'https://phones.example.com' },
    });
    const { xml } = await own.calls.dial(callOf('twilio'));
    expect(xml).toContain('wss://phones.example.com/ws/');
  });

  it('needs the account and application of Telnyx', async () => {
    const { apiKey, apiUrl } = api.credentials.telnyx;
    const { calls } = await start({ telephony: { credentials: { telnyx: { apiKey, apiUrl } } } });
    await expect(calls.dial(callOf('telnyx'))).rejects.toThrow(/accountSid.*applicationId/);
  });
});

describe('the XML document of an outbound call', () => {
  it('is served only at its secret URL', async () => {
    const { host } = await start();
    const response = await fetch(`${host.url}/telephony/documents/guess`, { method: 'POST' });
    expect(response.status).toBe(404);
  });

  it('is served below the path of the webhooks', async () => {
    const launcher = { useValue: new RecordingLauncher() };
    host = await startHost(
      RunnerModule.forRoot({
        launcher,
        path: 'voice',
        publicUrl: 'https://bot.example.com',
        transports: [
          TelephonyModule.forRoot({
            webhookPath: '/phones/',
            carrier: 'plivo',
            credentials: api.credentials,
          }),
        ],
      }),
      { logger: false, configure: (app) => void app.setGlobalPrefix('api'), path: '/api/voice' },
    );
    api.runnerUrl = host.url;
    await host.app.get(OutboundCalls, { strict: false }).dial(callOf('plivo'));
    expect(await api.placed[0]!.answer()).toContain('wss://bot.example.com/api/voice/ws/');
  });
});

it('a media WebSocket without a session does not reach an outbound call’s session', async () => {
  const { calls, registry, host } = await start({ webSocketAuth: 'token' });
  const { sessionId } = await calls.dial(callOf('twilio'));
  const closed = await closeOf(`${host.url.replace('http', 'ws')}/ws/${sessionId}`);
  expect(closed).toMatchObject({ code: 4003 });
  expect(registry.get(sessionId)?.state.name).toBe('pending' satisfies Session['state']['name']);
});
