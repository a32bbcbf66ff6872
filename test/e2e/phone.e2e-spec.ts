import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from '@jest/globals';
import {
  type CallDecision,
  CallRouter,
  callerParameters,
  RunnerModule,
  SessionRegistry,
  TelephonyModule,
  type TelephonyOptions,
} from '../../src/index.js';
import { Baresip } from '../support/baresip.js';
import { freePort } from '../support/free-port.js';
import { PhoneBridge } from '../support/phone-bridge.js';
import { closeApps, type Platform, startApp } from '../support/runner-app.js';
import { found, sharpened, speech, tone, wavOf } from '../support/sound.js';
import { SpeakingBot } from '../support/speaking-bot.js';
import { describeWith } from '../support/needs.js';

type Refusal = Extract<CallDecision, { refuse: unknown }>['refuse'];

const RATE_HZ = 8_000;
const RECORDING = 'demo/inaugural-1961.wav';
/** Sound of the recording that every call has. */
const spoken = speech(2);

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  await closeApps();
});

class RefusingRouter extends CallRouter {
  constructor(private readonly refuse: Refusal) {
    super();
  }

  route(): CallDecision {
    return { refuse: this.refuse };
  }
}

interface Setup {
  readonly platform?: Platform;
  readonly carrier?: 'twilio' | 'plivo';
  readonly telephony?: Partial<TelephonyOptions>;
  /** Error with which the call router refuses calls. */
  readonly refuse?: Refusal;
  /** Auth token that the runner verifies webhooks with. */
  readonly token?: string;
  readonly bridge?: Partial<Parameters<typeof PhoneBridge.start>[0]>;
  /** True when the runner has the account of the carrier. */
  readonly hasAccount?: boolean;
}

/** A runner, and a carrier with a SIP address whose webhook it answers at `POST /`. */
async function start(setup: Setup = {}) {
  const { platform = 'fastify', carrier = 'twilio', token = 'a-token', refuse } = setup;
  const bot = new SpeakingBot();
  const apiPort = await freePort();
  const apiUrl = `http://127.0.0.1:${apiPort}`;
  const credentials = {
    twilio: { accountSid: 'AC1', authToken: token, apiUrl },
    plivo: { authId: 'AC1', authToken: token, apiUrl: `${apiUrl}/v1` },
  };
  const { app, url } = await startApp(platform, [
    RunnerModule.forRoot({
      launcher: { useValue: bot },
      ...(refuse && { callRouter: { useValue: new RefusingRouter(refuse) } }),
      transports: [
        TelephonyModule.forRoot({
          carrier,
          webhookPath: '',
          webhookKeys: carrier === 'twilio' && { twilio: token },
          credentials: setup.hasAccount === false ? {} : { [carrier]: credentials[carrier] },
          ...setup.telephony,
        }),
      ],
    }),
  ]);
  const bridge = await PhoneBridge.start({
    webhook: `${url}/`,
    api: `127.0.0.1:${apiPort}`,
    carrier,
    token: 'a-token',
    ...setup.bridge,
  });
  cleanUps.push(() => bridge.stop());
  return { bot, bridge, registry: app.get(SessionRegistry, { strict: false }) };
}

async function phone(options: Partial<Parameters<typeof Baresip.start>[0]> = {}): Promise<Baresip> {
  const softphone = await Baresip.start({ recording: RECORDING, ...options });
  cleanUps.push(() => softphone.stop());
  return softphone;
}

/** Calls, and resolves with both ends of the call. */
async function call(
  { bot, bridge }: Pick<Awaited<ReturnType<typeof start>>, 'bot' | 'bridge'>,
  options: Parameters<typeof phone>[0] = {},
) {
  const caller = await phone(options);
  const [taken] = await Promise.all([bot.next(), caller.call(`sip:bot@${bridge.sip}`)]);
  return { caller, ...taken };
}

/** Writes a recording for a phone. */
async function recordingOf(pcm: Int16Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'recording-'));
  cleanUps.push(() => rm(folder, { recursive: true }));
  const file = join(folder, 'recording.wav');
  await writeFile(file, wavOf(pcm, RATE_HZ));
  return file;
}

/** Share of a sound in what a phone has heard. */
const shareOf = (original: Int16Array, heard: Int16Array, piece?: number): number =>
  found(heard, RATE_HZ, original, RATE_HZ, piece);

const power = (pcm: Int16Array) =>
  Math.sqrt(pcm.reduce((sum, sample) => sum + sample * sample, 0) / (pcm.length || 1));

describeWith('baresip', 'phone bridge')('A real phone:', () => {
  it.each<[Platform, 'PCMU' | 'PCMA']>([
    ['fastify', 'PCMU'],
    ['fastify', 'PCMA'],
    ['express', 'PCMU'],
  ])('a call on %s with %s is heard by the bot, and hears it', async (platform, codec) => {
    const host = await start({ platform, telephony: { customParameters: callerParameters } });
    const { caller, args, ended } = await call(host, { codec, user: '+15550007' });
    const { call: id, codec: negotiated } = await host.bridge.next('answered');
    expect(negotiated).toBe(codec.toLowerCase());
    expect(args).toMatchObject({
      transport_type: 'twilio',
      call_data: { call_id: id, from: '+15550007' },
    });
    await sleep(3_200);
    caller.hangUp();
    await caller.next('CALL_CLOSED');
    expect(await ended).toMatchObject({ code: 'peer_left' });
    expect(await host.bridge.next('ended')).toMatchObject({ call: id, by: 'caller' });
    const heard = await caller.heard();
    const likeness = shareOf(sharpened(spoken), heard);
    expect(likeness).toBeGreaterThan(0.95);
    // An echo of the caller's own voice is not what the bot says.
    expect(likeness).toBeGreaterThan(shareOf(spoken, heard) + 0.1);
    expect(host.registry.size).toBe(0);
  });

  it('voice and keys arrive over a network that loses and delays packets', async () => {
    const host = await start({ bridge: { loss: 0.05, jitter: '40ms', seed: 7 } });
    const { caller, keys } = await call(host);
    await sleep(3_000);
    await caller.press('4711*#');
    await sleep(2_000);
    caller.hangUp();
    const { stats, error } = await host.bridge.next('ended');
    expect(error).toBeUndefined();
    expect(stats!.dropped / stats!.received).toBeCloseTo(0.05, 1);
    expect(stats!.dropped).toBeGreaterThan(0);
    expect(stats!.sentDropped).toBeGreaterThan(0);
    expect(stats!.missing).toBeGreaterThan(0);
    expect(keys.join('')).toBe('4711*#');
    const heard = await caller.heard();
    expect(shareOf(sharpened(spoken), heard, 0.25)).toBeGreaterThan(0.7);
  });

  it("RFC 4733 digits of the phone reach Plivo's bot, and its own reach the phone", async () => {
    const host = await start({ carrier: 'plivo' });
    const { caller, keys, transport, args } = await call(host);
    expect(args).toMatchObject({ transport_type: 'plivo' });
    await caller.press('09A#');
    expect(await transport.sendDtmf('159*D')).toBe(true);
    await sleep(2_000);
    expect(keys.join('')).toBe('09A#');
    expect(caller.keys.join('')).toBe('159*D');
    expect(await transport.hangUp()).toEqual({ ok: true, via: 'api' });
    await caller.next('CALL_CLOSED');
    expect(await host.bridge.next('ended')).toMatchObject({ by: 'api' });
  });

  it("Twilio's streams carry no digits of the bot, which it is told", async () => {
    const { caller, transport } = await call(await start());
    expect(await transport.sendDtmf('1')).toBe(false);
    await sleep(500);
    expect(caller.keys).toEqual([]);
  });

  it.each([
    ['the REST API', true, 'api'],
    ['the connection without an account', false, 'bot'],
  ] as const)('a bot that hangs up by %s ends the SIP call', async (_, hasAccount, by) => {
    const host = await start({ hasAccount });
    const { caller, transport, ended } = await call(host);
    const via = hasAccount ? 'api' : 'connection';
    expect(await transport.hangUp()).toEqual({ ok: true, via });
    const { param } = await caller.next('CALL_CLOSED');
    expect(param).toMatch(/^Connection reset by peer/);
    expect(await ended).toMatchObject({ code: 'completed' });
    const { by: side, error } = await host.bridge.next('ended');
    expect({ side, error }).toEqual({ side: by, error: undefined });
  });

  it('the last words of a bot that hangs up are played to the phone first', async () => {
    const host = await start();
    host.bot.saysBack = false;
    const { caller, transport } = await call(host);
    void transport.sendAudio({ pcm: tone(600, RATE_HZ, 2), sampleRateHz: RATE_HZ });
    expect(await transport.hangUp()).toEqual({ ok: true, via: 'api' });
    await caller.next('CALL_CLOSED');
    const loud = (await caller.heard()).filter((sample) => Math.abs(sample) > 500);
    // The phone's own jitter buffer goes with the BYE: 200 ms at most.
    expect(loud.length / RATE_HZ).toBeGreaterThan(1.6);
  });

  it('hanging up a call that the caller has left succeeds', async () => {
    const host = await start();
    const { caller, transport } = await call(host);
    caller.hangUp();
    await caller.next('CALL_CLOSED');
    expect(await transport.hangUp()).toMatchObject({ ok: true });
    await host.bridge.next('ended');
  });

  it('a second call neither hears the first one nor ends with it', async () => {
    const host = await start();
    const first = await call(host, { user: '+15550001' });
    const hum = tone(440, RATE_HZ, 10);
    const second = await call(host, { user: '+15550002', recording: await recordingOf(hum) });
    expect(host.registry.size).toBe(2);
    await second.caller.press('2');
    await first.caller.press('1');
    await sleep(3_000);
    first.caller.hangUp();
    expect(await first.ended).toMatchObject({ code: 'peer_left' });
    await sleep(500);
    expect(host.registry.size).toBe(1);
    expect(second.transport.state).toBe('connected');
    second.caller.hangUp();
    expect(await second.ended).toMatchObject({ code: 'peer_left' });
    expect([first.keys, second.keys]).toEqual([['1'], ['2']]);
    await Promise.all([first, second].map(({ caller }) => caller.next('CALL_CLOSED')));
    const heard = [await first.caller.heard(), await second.caller.heard()] as const;
    expect(shareOf(sharpened(spoken), heard[0])).toBeGreaterThan(0.9);
    expect(shareOf(hum.subarray(0, RATE_HZ), heard[0])).toBeLessThan(0.5);
    expect(shareOf(hum.subarray(0, RATE_HZ), heard[1])).toBeGreaterThan(0.9);
  });

  it('a mark is confirmed when the phone was sent all before it, and clear() silences the phone', async () => {
    const host = await start();
    host.bot.saysBack = false;
    const { caller, transport } = await call(host);
    const since = performance.now();
    void transport.sendAudio({ pcm: tone(600, RATE_HZ, 1), sampleRateHz: RATE_HZ });
    expect((await transport.mark('said')).outcome).toBe('played');
    const tookMs = performance.now() - since;
    expect(tookMs).toBeGreaterThan(900);
    expect(tookMs).toBeLessThan(2_000);
    void transport.sendAudio({ pcm: tone(600, RATE_HZ, 5), sampleRateHz: RATE_HZ });
    const cut = transport.mark('cut');
    await sleep(1_000);
    transport.clear();
    expect((await cut).outcome).toBe('cleared');
    await sleep(1_500);
    caller.hangUp();
    await caller.next('CALL_CLOSED');
    const heard = await caller.heard();
    expect(power(heard)).toBeGreaterThan(1_000);
    expect(power(heard.subarray(-RATE_HZ))).toBeLessThan(50);
  });

  it.each<[string, Refusal, string]>([
    ['busy', 'busy', '486 Busy Here'],
    ['rejected', 'rejected', '603 Decline'],
    ['told why', { say: 'We are closed.' }, '480 Temporarily Unavailable'],
  ])('a caller whom the router refuses is %s', async (_, refuse, status) => {
    const { bridge, registry } = await start({ refuse });
    const caller = await phone();
    await expect(caller.call(`sip:bot@${bridge.sip}`)).rejects.toThrow(status);
    expect(registry.size).toBe(0);
  });

  it('a webhook that is signed with another token starts no session', async () => {
    const { bridge, registry } = await start({ token: 'another-token' });
    const caller = await phone();
    await expect(caller.call(`sip:bot@${bridge.sip}`)).rejects.toThrow('503');
    expect((await bridge.next('ended')).error).toMatch(/the webhook answered 401/);
    expect(registry.size).toBe(0);
  });
});
