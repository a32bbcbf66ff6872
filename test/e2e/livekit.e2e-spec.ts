import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import { TokenVerifier } from 'livekit-server-sdk';
import {
  type CallDecision,
  CallRouter,
  LiveKitModule,
  type LiveKitOptions,
  LiveKitRunnerArguments,
  SessionRegistry,
} from '../../src/index.js';
import { runnerArgumentsFromJSON } from '../../src/bot.js';
import type { Session } from '../../src/sessions/session.js';
import { LIVEKIT_SDK } from '../../src/transports/livekit/livekit-server.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { livekitWebhook } from '../support/livekit-webhook.js';
import {
  closeApps,
  type Platform,
  PLATFORMS,
  post,
  type RunningApp,
  runnerModule,
  startApp,
} from '../support/runner-app.js';

const KEYS = { apiKey: 'devkey', apiSecret: 'a-secret-of-at-least-thirty-two-characters' };
const URL = 'wss://example.livekit.cloud';

let running: RunningApp | undefined;
afterEach(closeApps);

async function start(
  options: LiveKitOptions = {},
  {
    platform = 'fastify',
    pendingTtlMs,
    callRouter,
  }: { platform?: Platform; pendingTtlMs?: number; callRouter?: CallRouter } = {},
) {
  const launcher = new RecordingLauncher();
  running = await startApp(platform, [
    runnerModule('forRoot', {
      launcher: { useValue: launcher },
      transports: [LiveKitModule.forRoot({ url: URL, ...KEYS, ...options })],
      pendingTtlMs,
      callRouter: callRouter && { useValue: callRouter },
    }),
  ]);
  const sessions = running.app.get(SessionRegistry, { strict: false });
  const { url } = running;
  const begin = async () => {
    const { json } = await post(`${url}/start`, { transport: 'livekit', body: { user: 7 } });
    const { args, session } = await launcher.nextLaunch();
    return { json, args: args as LiveKitRunnerArguments, session: session as Session };
  };
  const hook = (event: Record<string, unknown>) => livekitWebhook(url, event, KEYS);
  return { url, launcher, sessions, begin, hook };
}

describe.each(PLATFORMS)('LiveKit on %s', (platform) => {
  it('creates tokens for user and agent in a room of their own', async () => {
    const { begin } = await start(
      { agent: { metadata: 'm', attributes: { a: 'b' } } },
      { platform },
    );
    const { json, args, session } = await begin();
    expect(json).toEqual({
      url: URL,
      token: expect.any(String),
      sessionId: session.id,
    });
    expect(args).toBeInstanceOf(LiveKitRunnerArguments);
    expect(args).toMatchObject({ url: URL, body: { user: 7 }, session_id: session.id });
    expect(args.room_name).toMatch(/^pipecat-[0-9a-f]{8}$/);
    const verifier = new TokenVerifier(KEYS.apiKey, KEYS.apiSecret);
    const user = await verifier.verify(json.token as string);
    const agent = await verifier.verify(args.token);
    const short = session.id.slice(0, 8);
    expect(user).toMatchObject({ sub: `User-${short}`, name: `User-${short}` });
    expect(user.video).toEqual({ roomJoin: true, room: args.room_name });
    expect(agent).toMatchObject({
      sub: `Pipecat Agent-${short}`,
      name: `Pipecat Agent-${short}`,
      metadata: 'm',
      attributes: { a: 'b' },
    });
    expect(agent.video).toEqual({ roomJoin: true, room: args.room_name, agent: true });
    expect([user.kind, agent.kind]).toEqual([undefined, 'agent']);
    const inTwoHours = Date.now() / 1_000 + 7_200;
    expect(Math.abs((user as unknown as { exp: number }).exp - inTwoHours)).toBeLessThan(60);
    const travelled = runnerArgumentsFromJSON(JSON.parse(JSON.stringify(args)));
    expect(travelled).toEqual(args);
  });

  it('ends a session when its webhook reports that the user left', async () => {
    const { begin, hook } = await start({}, { platform });
    const { args, session } = await begin();
    const room = { name: args.room_name };
    const user = `User-${session.id.slice(0, 8)}`;
    const others = [
      { event: 'participant_left', room, participant: { identity: 'somebody else' } },
      { event: 'participant_left', room: { name: 'other' }, participant: { identity: user } },
      // The same user came back before the old connection was gone.
      {
        event: 'participant_left',
        room,
        participant: { identity: user, disconnectReason: 'DUPLICATE_IDENTITY' },
      },
      { event: 'room_finished', room: { name: 'other' } },
      { event: 'track_published', room, participant: { identity: user }, track: {} },
      { event: 'egress_ended', egressInfo: {} },
      { event: 'something_new', room, brandNew: 1 },
    ];
    for (const event of others) expect((await hook(event)).status).toBe(200);
    expect(session.state.name).toBe('running');
    await hook({ event: 'participant_left', room, participant: { identity: user } });
    expect(await session.ended).toMatchObject({ code: 'peer_left' });
  });
});

describe('LiveKit webhooks', () => {
  it('end all sessions of a finished shared room, and one session of a leaving user', async () => {
    const { begin, hook } = await start({ roomName: 'lobby' });
    const [first, second, third] = [await begin(), await begin(), await begin()];
    expect([first, second, third].map(({ args }) => args.room_name)).toEqual(
      Array(3).fill('lobby'),
    );
    const room = { name: 'lobby' };
    const identity = `User-${first.session.id.slice(0, 8)}`;
    await hook({ event: 'participant_connection_aborted', room, participant: { identity } });
    expect((await first.session.ended).code).toBe('peer_left');
    expect(second.session.state.name).toBe('running');
    await hook({ event: 'room_finished', room });
    expect((await second.session.ended).code).toBe('peer_left');
    expect((await third.session.ended).message).toBe('The LiveKit room is finished.');
  });

  it.each(['room_started', 'room_finished', 'participant_joined'])(
    'that lack the room of %s are accepted, and end nothing',
    async (event) => {
      const { begin, hook } = await start();
      const { session } = await begin();
      expect((await hook({ event })).status).toBe(200);
      expect(session.state.name).toBe('running');
    },
  );

  it('end no session while other people remain in its room, and end it with the last one', async () => {
    const { begin, hook } = await start();
    const { args, session } = await begin();
    const room = { name: args.room_name };
    const user = { identity: `User-${session.id.slice(0, 8)}` };
    const has = async (event: string, participant: object) =>
      void (await hook({ event: `participant_${event}`, room, participant }));
    await has('joined', user);
    await has('joined', { identity: 'supervisor' });
    await has('joined', { identity: 'recording', kind: 'EGRESS' });
    await has('joined', { identity: 'Pipecat Agent', kind: 'AGENT' });
    await has('left', user);
    expect(session.state.name).toBe('running');
    await has('joined', user);
    await has('left', { identity: 'supervisor' });
    expect(session.state.name).toBe('running');
    await has('joined', { identity: 'supervisor' });
    await has('left', user);
    await has('left', { identity: 'supervisor' });
    expect(await session.ended).toMatchObject({ code: 'peer_left' });
  });

  it('end the session of a user who leaves a shared room with the users of others', async () => {
    const { begin, hook } = await start({ roomName: 'lobby' });
    const [first, second] = [await begin(), await begin()];
    const room = { name: 'lobby' };
    const userOf = ({ session }: typeof first) => ({ identity: `User-${session.id.slice(0, 8)}` });
    for (const one of [first, second]) {
      await hook({ event: 'participant_joined', room, participant: userOf(one) });
    }
    await hook({ event: 'participant_left', room, participant: userOf(first) });
    expect((await first.session.ended).code).toBe('peer_left');
    expect(second.session.state.name).toBe('running');
  });

  it('end a session whose user does not join', async () => {
    const { begin, hook } = await start({}, { pendingTtlMs: 30 });
    const waiting = await begin();
    const joined = await begin();
    for (const { args } of [waiting, joined]) {
      await hook({ event: 'room_started', room: { name: args.room_name } });
    }
    const identity = `User-${joined.session.id.slice(0, 8)}`;
    const room = { name: joined.args.room_name };
    await hook({ event: 'participant_joined', room, participant: { identity } });
    expect((await waiting.session.ended).code).toBe('expired');
    expect(joined.session.state.name).toBe('running');
  });

  it.each([
    ['no signature', (url: string) => post(`${url}/livekit-webhook`, { event: 'room_finished' })],
    [
      'another secret',
      (url: string) =>
        livekitWebhook(url, { event: 'room_finished' }, { ...KEYS, apiSecret: 'x'.repeat(32) }),
    ],
    [
      'another key',
      (url: string) =>
        livekitWebhook(url, { event: 'room_finished' }, { ...KEYS, apiKey: 'other' }),
    ],
    [
      'a signature of another body',
      (url: string) =>
        livekitWebhook(url, { event: 'room_finished' }, { ...KEYS, signed: { event: 'x' } }),
    ],
  ])('are refused with %s', async (_, deliver) => {
    const { url } = await start();
    const { status, json } = await deliver(url);
    expect(status).toBe(401);
    expect(json.detail).toContain('Authorization');
  });

  const sipCall = {
    event: 'participant_joined',
    room: { name: 'call-room' },
    participant: {
      identity: 'sip_+15550001',
      kind: 'SIP',
      attributes: {
        'sip.callID': 'SCL_1',
        'sip.phoneNumber': '+15550001',
        'sip.trunkPhoneNumber': '+15550002',
        'sip.h.x-customer': '7',
      },
    },
  };

  it('start one bot for a phone call when configured, and end it when the caller hangs up', async () => {
    const { hook, launcher, sessions } = await start({ answerSipCalls: true });
    await Promise.all([hook(sipCall), hook(sipCall)]);
    const { args, session } = await launcher.nextLaunch();
    expect(launcher.launches).toHaveLength(1);
    expect(args).toMatchObject({
      room_name: 'call-room',
      call_data: {
        call_id: 'SCL_1',
        from: '+15550001',
        to: '+15550002',
        sip_headers: { 'x-customer': '7' },
      },
    });
    await hook({ ...sipCall, event: 'participant_left' });
    expect((await (session as Session).ended).code).toBe('peer_left');
    expect(sessions.size).toBe(0);
  });

  /** Decides when the test says so. */
  class Router extends CallRouter {
    asked = 0;
    decide!: (decision: CallDecision) => void;
    readonly decision = new Promise<CallDecision>((resolve) => (this.decide = resolve));
    route(): Promise<CallDecision> {
      this.asked++;
      return this.decision;
    }
  }

  it('ask the call router about a phone call once', async () => {
    const callRouter = new Router();
    const { hook, launcher } = await start({ answerSipCalls: true }, { callRouter });
    const delivered = Promise.all([hook(sipCall), hook(sipCall)]);
    callRouter.decide({ bot: 'sales', body: { tenant: 'acme' } });
    await delivered;
    const { args, session } = await launcher.nextLaunch();
    expect([session.bot, args.body]).toEqual(['sales', { tenant: 'acme' }]);
    expect([callRouter.asked, launcher.launches.length]).toEqual([1, 1]);
  });

  it('start no bot for a caller who leaves before the decision', async () => {
    const callRouter = new Router();
    const { hook, launcher, sessions } = await start({ answerSipCalls: true }, { callRouter });
    const joined = hook(sipCall);
    while (callRouter.asked === 0) await new Promise((resolve) => setImmediate(resolve));
    await hook({ ...sipCall, event: 'participant_left' });
    callRouter.decide({});
    expect((await joined).status).toBe(200);
    expect([launcher.launches, sessions.size]).toEqual([[], 0]);
  });

  it('remove a refused caller from the room', async () => {
    const removed: unknown[] = [];
    const server = createServer((request, response) => {
      void json(request).then((body) => {
        removed.push([request.url, body]);
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const callRouter = new Router();
    callRouter.decide({ refuse: 'rejected' });
    const { hook, launcher } = await start(
      {
        answerSipCalls: true,
        url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
      },
      { callRouter },
    );
    expect((await hook(sipCall)).status).toBe(200);
    expect(removed).toEqual([
      [
        '/twirp/livekit.RoomService/RemoveParticipant',
        expect.objectContaining({ room: 'call-room', identity: 'sip_+15550001' }),
      ],
    ]);
    expect(launcher.launches).toEqual([]);
    server.closeAllConnections();
    server.close();
  });

  it('start no bot for phone calls without configuration, nor for other participants', async () => {
    const asked = await start();
    await asked.hook(sipCall);
    expect(asked.launcher.launches).toEqual([]);
    await running!.app.close();
    const { hook, launcher } = await start({ answerSipCalls: true });
    await hook({ ...sipCall, participant: { ...sipCall.participant, kind: 'STANDARD' } });
    expect(launcher.launches).toEqual([]);
  });
});

describe('creating a room on a LiveKit server', () => {
  let server: Server | undefined;
  afterEach(async () => {
    server?.closeAllConnections();
    server?.close();
    server = undefined;
  });

  it.each([
    ['refuses', 403, 502, 'LiveKit answered 403: no such project'],
    ['hangs', undefined, 504, 'LiveKit did not answer in time'],
  ])('fails the start when the server %s', async (_, answers, expected, detail) => {
    server = createServer((_request, response) => {
      if (answers === undefined) return;
      response.writeHead(answers, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ code: 'permission_denied', msg: 'no such project' }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const runner = await start({ url, room: {}, timeoutMs: 1_000 });
    const { status, json } = await post(`${runner.url}/start`, { transport: 'livekit' });
    expect(status).toBe(expected);
    expect(json.detail).toBe(detail);
    expect(runner.sessions.size).toBe(0);
    expect(runner.launcher.launches).toEqual([]);
  });

  it('fails the start when the connection is refused', async () => {
    const { url, sessions } = await start({ url: 'ws://127.0.0.1:1', room: {} });
    const { status, json } = await post(`${url}/start`, { transport: 'livekit' });
    expect(status).toBe(502);
    expect(json.detail).toMatch(/^LiveKit could not be reached/);
    expect(sessions.size).toBe(0);
  });
});

describe('LiveKit that cannot be used', () => {
  it('is listed as disabled, with the missing settings', async () => {
    const { url } = await start({ apiKey: undefined, apiSecret: undefined });
    expect(await (await fetch(`${url}/status`)).json()).toMatchObject({ transports: [] });
    for (const path of ['start', 'livekit-webhook']) {
      const { status, json } = await post(`${url}/${path}`, { transport: 'livekit' });
      expect(status).toBe(400);
      expect(json.detail).toContain('set LIVEKIT_API_KEY, LIVEKIT_API_SECRET');
    }
  });

  it('is listed as disabled without its package, with the install command', async () => {
    const withoutSdk = LiveKitModule.forRoot({ url: URL, ...KEYS });
    withoutSdk.providers = [
      ...withoutSdk.providers!,
      { provide: LIVEKIT_SDK, useValue: undefined },
    ];
    running = await startApp('fastify', [
      runnerModule('forRoot', {
        launcher: { useValue: new RecordingLauncher() },
        transports: [withoutSdk],
      }),
    ]);
    const { status, json } = await post(`${running.url}/start`, { transport: 'livekit' });
    expect(status).toBe(400);
    expect(json.detail).toContain('npm install livekit-server-sdk');
  });

  it.each([
    [{ url: 'https://x' }, 'url must be a ws:// or wss:// URL'],
    [{ tokenTtlMs: 1 }, 'tokenTtlMs must be'],
    [{ room: { maxParticipants: 1 } }, 'maxParticipants must be'],
    [{ room: { colour: 'red' } as never }, 'colour is not an option'],
  ])('refuses the options %j', async (options, message) => {
    await expect(start(options)).rejects.toThrow(message);
  });
});
