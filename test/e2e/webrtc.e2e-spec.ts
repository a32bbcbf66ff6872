import { randomUUID } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import * as werift from 'werift';
import {
  type BotLauncher,
  createTransport,
  type Principal,
  RunnerAuth,
  type RunnerModuleExtras,
  type RunnerOptions,
  SessionEnd,
  SmallWebRTCRunnerArguments,
  SmallWebRtcModule,
  type SmallWebRtcOptions,
} from '../../src/index.js';
import {
  RtviSession,
  type PeerOptions,
  type PeerStack,
  type SmallWebRTCConnection,
  type VideoFrame,
  type VideoTrack,
} from '../../src/bot.js';
import type { AuthRequest } from '../../src/auth/runner-auth.js';
import { packetizeVideo } from '../../src/media/rtp/video-payload.js';
import { SessionRegistry } from '../../src/sessions/session-registry.js';
import type { Session } from '../../src/sessions/session.js';
import { EchoBot } from '../../src/standalone/echo.bot.js';
import { type Launch, RecordingLauncher } from '../../src/testing/index.js';
import { PEER_STACK } from '../../src/transports/small-webrtc/peer-stack.token.js';
import { hearsEcho } from '../support/hears-echo.js';
import {
  AUDIO,
  BROWSER_OFFER,
  DATA,
  HOSTILE_OFFERS,
  offerOf,
  TEXT_OFFERS,
} from '../support/offers.js';
import {
  type Platform,
  PLATFORMS,
  post,
  runnerModule,
  type RunningApp,
  startApp,
} from '../support/runner-app.js';
import { warmUp, WebRtcClient, type WebRtcClientOptions } from '../support/webrtc-client.js';

let running: RunningApp;
let clients: WebRtcClient[] = [];
beforeAll(warmUp, 60_000);
afterEach(async () => {
  await Promise.all(clients.map((client) => client.pc.close()));
  clients = [];
  await running.app.close();
});

interface Setup extends RunnerOptions, RunnerModuleExtras {
  platform?: Platform;
  webRtc?: SmallWebRtcOptions;
}

/** A runner with WebRTC only, and a bot that stays until it is asked to stop. */
async function start({ platform = 'fastify', webRtc, ...options }: Setup = {}) {
  const launcher = new RecordingLauncher();
  running = await startApp(platform, [
    runnerModule('forRoot', {
      launcher: { useValue: launcher },
      transports: [SmallWebRtcModule.forRoot(webRtc)],
      ...options,
    }),
  ]);
  return launcher;
}

async function connect(options: Partial<WebRtcClientOptions> = {}): Promise<WebRtcClient> {
  const client = await WebRtcClient.connect({ offerUrl: `${running.url}/api/offer`, ...options });
  clients.push(client);
  return client;
}

const connectionOf = ({ args }: Launch): SmallWebRTCConnection =>
  (args as SmallWebRTCRunnerArguments).webrtc_connection;

const endOf = ({ session }: Launch): Promise<SessionEnd> => (session as unknown as Session).ended;

const sessionCount = (): number => running.app.get(SessionRegistry, { strict: false }).size;

const offer = (sdp: string, more: object = {}, url = `${running.url}/api/offer`) =>
  post(url, { sdp, type: 'offer', ...more });

async function patch(body: unknown, url = `${running.url}/api/offer`) {
  const response = await fetch(url, {
    method: 'PATCH',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

it('an offer is answered 503 when every port of udpPortRange is taken, and again when one is free', async () => {
  const bound = async (port: number): Promise<Socket | undefined> => {
    const socket = createSocket('udp6');
    // Of both families.
    socket.bind({ port, address: '::' });
    return once(socket, 'listening').then(
      () => socket,
      () => undefined,
    );
  };
  let sockets: (Socket | undefined)[] = [];
  while (sockets.length === 0 || sockets.includes(undefined)) {
    for (const socket of sockets) socket?.close();
    const first = (await bound(0))!;
    sockets = [first, await bound(first.address().port + 1)];
  }
  const { port } = sockets[0]!.address();
  await start({ webRtc: { udpPortRange: [port, port + 1] } });
  const offer = () => post(`${running.url}/api/offer`, { sdp: BROWSER_OFFER, type: 'offer' });
  const refused = await offer();
  expect([refused.status, refused.json.code]).toEqual([503, 'OVERLOADED']);
  expect(refused.json.detail).toMatch(/UDP port/);
  expect(running.app.get(SessionRegistry, { strict: false }).size).toBe(0);
  for (const socket of sockets) socket!.close();
  expect((await offer()).status).toBe(200);
});

describe('POST /start for WebRTC', () => {
  it.each([
    ['nothing', {}, {}, {}],
    [
      'public servers',
      {},
      { enableDefaultIceServers: true },
      { iceConfig: { iceServers: [{ urls: ['stun:stun.l.google.com:19302'] }] } },
    ],
    [
      'its own servers',
      { iceServers: [{ urls: 'turn:127.0.0.1:1', username: 'u', credential: 'c' }] },
      { enableDefaultIceServers: true },
      {
        iceConfig: { iceServers: [{ urls: ['turn:127.0.0.1:1'], username: 'u', credential: 'c' }] },
      },
    ],
    [
      'servers made for the session',
      { iceServers: async () => [{ urls: ['stun:127.0.0.1:1'] }] },
      {},
      { iceConfig: { iceServers: [{ urls: ['stun:127.0.0.1:1'] }] } },
    ],
  ] as [string, SmallWebRtcOptions, object, object][])(
    'answers with ICE servers: %s',
    async (_, webRtc, request, answer) => {
      await start({ webRtc });
      const { status, json } = await post(`${running.url}/start`, {
        transport: 'webrtc',
        ...request,
      });
      expect(status).toBe(200);
      expect(json).toEqual({ sessionId: expect.any(String), ...answer });
    },
  );

  it('fails when the ICE servers cannot be obtained', async () => {
    await start({
      webRtc: {
        iceServers: () => {
          throw new Error('secret');
        },
      },
    });
    const { status, json } = await post(`${running.url}/start`, { transport: 'webrtc' });
    expect(status).toBe(502);
    expect(json.detail).toBe('There are no ICE servers to be had.');
  });
});

describe.each(PLATFORMS)('WebRTC offers on %s', (platform) => {
  it('start the bot of the session that POST /start announced', async () => {
    const launcher = await start({ platform });
    const { json } = await post(`${running.url}/start`, {
      transport: 'webrtc',
      body: { topic: 'billing' },
    });
    const offerUrl = `${running.url}/sessions/${json.sessionId as string}/api/offer`;
    const client = await connect({ offerUrl });
    const launch = await launcher.nextLaunch();
    expect(launch.args).toBeInstanceOf(SmallWebRTCRunnerArguments);
    expect(launch.args).toMatchObject({ session_id: json.sessionId, body: { topic: 'billing' } });
    expect(connectionOf(launch).pcId).toBe(client.pcId);
    expect(sessionCount()).toBe(1);

    const again = await offer(BROWSER_OFFER, {}, offerUrl);
    expect(again.status).toBe(409);
    expect(again.json.detail).toMatch(/has its client/);
    expect(await patch({ pc_id: client.pcId, candidates: [] }, offerUrl)).toEqual({
      status: 200,
      json: { status: 'success' },
    });
  });

  it('override the body of the session', async () => {
    const launcher = await start({ platform });
    const { json } = await post(`${running.url}/start`, { transport: 'webrtc', body: { a: 1 } });
    const offerUrl = `${running.url}/sessions/${json.sessionId as string}/api/offer`;
    await connect({ offerUrl, requestData: { b: 2 } });
    expect((await launcher.nextLaunch()).args.body).toEqual({ b: 2 });
  });

  it.each([null, {}])('with the request data %j leave the body of /start', async (data) => {
    const launcher = await start({ platform });
    const { json } = await post(`${running.url}/start`, { transport: 'webrtc', body: { a: 1 } });
    const offerUrl = `${running.url}/sessions/${json.sessionId as string}/api/offer`;
    const { status } = await offer(
      BROWSER_OFFER,
      { request_data: data, requestData: {} },
      offerUrl,
    );
    expect(status).toBe(200);
    expect((await launcher.nextLaunch()).args.body).toEqual({ a: 1 });
  });

  it('may have their request data under either name', async () => {
    const launcher = await start({ platform });
    await offer(BROWSER_OFFER, { request_data: {}, requestData: { b: 2 } });
    expect((await launcher.nextLaunch()).args.body).toEqual({ b: 2 });
  });

  it('without /start may name the session id of their bot', async () => {
    const launcher = await start({ platform });
    const url = `${running.url}/api/offer?session_id=my-own_7`;
    expect((await offer(BROWSER_OFFER, {}, url)).status).toBe(200);
    const { args, session } = await launcher.nextLaunch();
    expect([args.session_id, session.id]).toEqual(['my-own_7', 'my-own_7']);
    expect((await offer(BROWSER_OFFER, {}, url)).status).toBe(409);
    await running.app
      .get(SessionRegistry, { strict: false })
      .end('my-own_7', new SessionEnd('stopped', ''));
    const again = await offer(BROWSER_OFFER, {}, url);
    expect([again.status, again.json.detail]).toEqual([409, expect.stringMatching(/has ended/)]);
  });

  it('with ?session_id= of a session from /start get its bot', async () => {
    const launcher = await start({ platform });
    const { json } = await post(`${running.url}/start`, { transport: 'webrtc', body: { a: 1 } });
    const id = json.sessionId as string;
    await connect({ offerUrl: `${running.url}/api/offer?session_id=${id}`, requestData: {} });
    expect((await launcher.nextLaunch()).args).toMatchObject({ session_id: id, body: { a: 1 } });
    expect(sessionCount()).toBe(1);
  });

  it.each(['a/b', 'x'.repeat(65), '%0a', '__proto__.x'])(
    'with ?session_id=%s are refused',
    async (id) => {
      await start({ platform });
      const { status, json } = await offer(
        BROWSER_OFFER,
        {},
        `${running.url}/api/offer?session_id=${id}`,
      );
      expect([status, json.detail]).toEqual([422, expect.stringMatching(/session_id must be/)]);
      expect(sessionCount()).toBe(0);
    },
  );

  it('with ?session_id= need the access of that session', async () => {
    const asked: AuthRequest[] = [];
    class Auth extends RunnerAuth {
      authorize(request: AuthRequest): Principal | undefined {
        asked.push(request);
        return request.access === 'session' ? undefined : {};
      }
    }
    await start({ platform, auth: { useValue: new Auth() } });
    const { json } = await post(`${running.url}/start`, { transport: 'webrtc' });
    const id = json.sessionId as string;
    expect(
      (await offer(BROWSER_OFFER, {}, `${running.url}/api/offer?session_id=${id}`)).status,
    ).toBe(401);
    expect(asked.at(-1)).toMatchObject({ access: 'session', sessionId: id });
  });

  it('with ?session_id= claim a session as the principal of access session', async () => {
    class Auth extends RunnerAuth {
      authorize({ access, request: { headers } }: AuthRequest): Principal {
        const id = String(headers['x-user']);
        // The desk starts sessions for all, and the admin reaches all.
        return { id, reachesAll: id === (access === 'start' ? 'desk' : 'admin') };
      }
    }
    await start({ platform, auth: Auth });
    const status = async (user: string) => {
      const { json } = await post(
        `${running.url}/start`,
        { transport: 'webrtc' },
        { 'x-user': 'ann' },
      );
      const url = `${running.url}/api/offer?session_id=${String(json.sessionId)}`;
      return (await post(url, { sdp: BROWSER_OFFER, type: 'offer' }, { 'x-user': user })).status;
    };
    expect([await status('ann'), await status('admin')]).toEqual([200, 200]);
    expect([await status('bob'), await status('desk')]).toEqual([404, 404]);
  });

  it('with ?session_id= tell no tenant whether the id of another one exists', async () => {
    const [shop, bank] = ['pk_shop_0123456789', 'pk_bank_0123456789'] as const;
    await start({
      platform,
      publicKeys: [
        { key: shop, name: 'shop' },
        { key: bank, name: 'bank' },
      ],
    });
    const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
    const { json } = await post(`${running.url}/start`, { transport: 'webrtc' }, bearer(shop));
    const answers = await Promise.all(
      [String(json.sessionId), randomUUID(), 'lobby'].map(async (id) => {
        const url = `${running.url}/api/offer?session_id=${id}`;
        const answer = await post(url, { sdp: BROWSER_OFFER, type: 'offer' }, bearer(bank));
        return [answer.status, answer.json];
      }),
    );
    expect(answers[0]![0]).toBe(404);
    expect(answers).toEqual([answers[0], answers[0], answers[0]]);
    expect(sessionCount()).toBe(1);
  });

  it('start a bot without POST /start', async () => {
    const launcher = await start({ platform });
    const { status, json } = await offer(BROWSER_OFFER, {
      request_data: { c: 3 },
      pc_id: 'unknown',
    });
    expect(status).toBe(200);
    expect(json).toEqual({ sdp: expect.any(String), type: 'answer', pc_id: expect.any(String) });
    const { args } = await launcher.nextLaunch();
    expect(args.body).toEqual({ c: 3 });
    expect(args.session_id).toEqual(expect.any(String));
  });

  it('for unknown sessions are refused', async () => {
    await start({ platform });
    const url = `${running.url}/sessions/nonsense/api/offer`;
    expect((await offer(BROWSER_OFFER, {}, url)).status).toBe(404);
    expect((await patch({ pc_id: 'x', candidates: [] }, url)).status).toBe(404);
  });

  it.each([
    [{ type: 'offer' }, 'sdp'],
    [{ sdp: 7, type: 'offer' }, 'sdp'],
    [{ sdp: '', type: 'offer' }, 'sdp'],
    [{ sdp: 'x'.repeat(100_001), type: 'offer' }, 'sdp'],
    [{ sdp: BROWSER_OFFER }, 'type'],
    [{ sdp: BROWSER_OFFER, type: 'answer' }, 'type'],
    [{ sdp: BROWSER_OFFER, type: 'rollback' }, 'type'],
    [{ sdp: BROWSER_OFFER, type: 'offer', pc_id: 7 }, 'pc_id'],
    [{ sdp: BROWSER_OFFER, type: 'offer', restart_pc: 'yes' }, 'restart_pc'],
  ])('with missing fields are refused, %#', async (body, field) => {
    await start({ platform });
    const { status, json } = await post(`${running.url}/api/offer`, body);
    expect(status).toBe(422);
    expect(json.errors).toContainEqual(expect.objectContaining({ field }));
    expect(json.detail).toEqual(expect.stringContaining(field));
    expect(sessionCount()).toBe(0);
  });
});

describe('WebRTC offers', () => {
  it.each(TEXT_OFFERS)('of text clients are answered: %s', async (_, sdp) => {
    await start();
    const { status, json } = await offer(sdp);
    expect(status).toBe(200);
    expect((json.sdp as string).match(/^m=application 9/gm)).toHaveLength(1);
  });

  it('with a data channel only connect, and the messages of the bot wait for its opening', async () => {
    const launcher = await start();
    const client = await WebRtcClient.offer({
      offerUrl: `${running.url}/api/offer`,
      textOnly: true,
    });
    clients.push(client);
    const { args, session } = await launcher.nextLaunch();
    const transport = await createTransport(args);
    const rtvi = new RtviSession(transport);
    expect([transport.state, transport.sendMessage({ n: 1 })]).toEqual(['connecting', true]);
    rtvi.on('send-text', ({ content }) => rtvi.send('server-message', content));
    let frames = 0;
    transport.on('audio', () => frames++);
    await client.opened();
    await client.next((message: { n?: number }) => message.n === 1);
    client.send({ label: 'rtvi-ai', type: 'client-ready', id: '1', data: { version: '2.1.0' } });
    await client.next(({ type }: { type?: string }) => type === 'bot-ready');
    client.send({ label: 'rtvi-ai', type: 'send-text', id: '2', data: { content: 'Hi' } });
    await client.next(({ data }: { data?: unknown }) => data === 'Hi');
    expect(await transport.sendAudio({ pcm: new Int16Array(960), sampleRateHz: 48_000 })).toBe(
      'sent',
    );
    expect(frames).toBe(0);
    await client.leave();
    expect((await (session as unknown as Session).ended).code).toBe('peer_left');
  });

  it('are answered with every m= section, as the DTLS server', async () => {
    await start();
    const { json } = await offer(BROWSER_OFFER);
    const answer = json.sdp as string;
    expect(answer.match(/^a=mid:.*$/gm)).toEqual(['a=mid:0', 'a=mid:1', 'a=mid:2', 'a=mid:3']);
    expect(new Set(answer.match(/^a=setup:.*$/gm))).toEqual(new Set(['a=setup:passive']));
    expect(answer.match(/^a=(sendrecv|recvonly)$/gm)).toEqual([
      'a=sendrecv',
      'a=sendrecv',
      'a=recvonly',
    ]);
    expect(answer).toMatch(/^a=candidate:\S+ 1 udp \d+ \S+ \d+ typ host/m);
  });

  it('with contradictions are refused, and leave nothing behind', async () => {
    await start();
    for (const [what, sdp] of HOSTILE_OFFERS.filter(([, text]) => text !== '')) {
      const { status, json } = await offer(sdp);
      expect([what, status, typeof json.detail]).toEqual([what, 400, 'string']);
    }
    expect(sessionCount()).toBe(0);
    // Terms agreed on with werift may still contradict themselves.
    for (const sdp of [
      offerOf(AUDIO('0'), DATA('1')).replace('a=group:BUNDLE 0 1', 'a=group:BUNDLE 5 6'),
      offerOf(AUDIO('0'), DATA('1')).replaceAll('a=sctp-port:5000', 'a=sctp-port:x'),
      offerOf(AUDIO('0'), DATA('1')).replaceAll(/a=ssrc:\S+/g, 'a=ssrc:nonsense'),
      offerOf(AUDIO('0'), DATA('1')).replaceAll(/a=fmtp:.*/g, 'a=fmtp:111 ;;;==;'),
    ]) {
      expect([200, 400]).toContain((await offer(sdp)).status);
    }
    await (await connect()).leave();
  });

  it('are limited by maxSessions', async () => {
    await start({ maxSessions: 3 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => offer(BROWSER_OFFER)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(17);
    expect(refused[0]!.headers.get('retry-after')).not.toBeNull();
    expect(sessionCount()).toBe(3);
  });

  it('are refused while another client is connected, in single mode', async () => {
    const launcher = await start({ webRtc: { connectionMode: 'single' } });
    const first = await connect();
    const { status, json } = await offer(BROWSER_OFFER);
    expect([status, json.detail]).toEqual([400, expect.stringContaining('one client at a time')]);
    expect((await first.negotiate()).status).toBe(200);
    await first.leave();
    await endOf(await launcher.nextLaunch());
    await connect();
  });

  it('of ESP32 devices are answered in their format', async () => {
    await start({ webRtc: { esp32Host: '198.51.100.7', hostAddresses: ['198.51.100.7'] } });
    const { json } = await offer(BROWSER_OFFER);
    const candidates = (json.sdp as string).match(/^a=candidate:.*$/gm)!;
    expect(candidates.length).toBeGreaterThan(0);
    for (const candidate of candidates) expect(candidate).toContain('198.51.100.7');
  });

  it('are not answered when WebRTC is not installed', async () => {
    await start();
    await running.app.close();
    const { Test } = await import('@nestjs/testing');
    const { FastifyAdapter } = await import('@nestjs/platform-fastify');
    const module = await Test.createTestingModule({
      imports: [
        runnerModule('forRoot', { launcher: EchoBot, transports: [SmallWebRtcModule.forRoot()] }),
      ],
    })
      .overrideProvider(PEER_STACK)
      .useFactory({ factory: () => undefined })
      .compile();
    const app = module.createNestApplication(new FastifyAdapter(), { logger: false });
    const { listen } = await import('../support/runner-app.js');
    running = await listen(app);
    const status = (await (await fetch(`${running.url}/status`)).json()) as {
      transports: string[];
    };
    expect(status.transports).not.toContain('webrtc');
    const { status: code, json } = await offer(BROWSER_OFFER);
    expect(code).toBe(400);
    expect(json.detail).toMatch(/npm install werift libopus-wasm/);
  });

  it('can use another WebRTC implementation of the host', async () => {
    let options: PeerOptions | undefined;
    const stack: PeerStack = {
      create: (given) => {
        options = given;
        return {
          answer: async () => ({ sdp: 'v=0\r\nm=audio 9 X 111\r\na=mid:0\r\n', tracks: [] }),
          addCandidate: () => undefined,
          send: () => false,
          sendRtp: () => undefined,
          requestKeyframe: () => undefined,
          stats: async () => ({ roundTripMs: undefined, lossOut: undefined }),
          close: async () => undefined,
        };
      },
    };
    await start({ webRtc: { stack, iceServers: [{ urls: 'stun:127.0.0.1:1' }] } });
    const { json } = await offer(offerOf(AUDIO('0')));
    expect(json.sdp).toBe('v=0\r\nm=audio 9 X 111\r\na=mid:0\r\n');
    expect(options).toMatchObject({
      iceServers: [{ urls: 'stun:127.0.0.1:1' }],
      gatheringTimeoutMs: 2_000,
    });
  });

  it.each([
    ['none', []],
    ['a STUN server', [{ urls: 'stun:127.0.0.1:1' }]],
    ['a URL that is no TURN', [{ urls: 'turn:x?transport=no', username: 'u', credential: 'c' }]],
    ['no password', [{ urls: 'turn:127.0.0.1:1', username: 'u', credential: '' }]],
  ])(
    'are answered with no other candidates than of a relay, with the policy relay and %s',
    async (_, iceServers) => {
      await start({ webRtc: { iceServers, iceTransportPolicy: 'relay', gatheringTimeoutMs: 50 } });
      const { status, json } = await offer(BROWSER_OFFER);
      expect([status, json.code]).toEqual([503, 'OVERLOADED']);
    },
  );

  it('have the STUN server asked that is named after a TURN server', async () => {
    const stun = createSocket('udp4').bind(0, '127.0.0.1');
    await once(stun, 'listening');
    const asked = once(stun, 'message');
    const urls = ['turn:127.0.0.1:9?transport=tcp', `stun:127.0.0.1:${stun.address().port}`];
    const iceServers = [{ urls, username: 'user', credential: 'secret' }];
    await start({ webRtc: { iceServers, gatheringTimeoutMs: 500 } });
    const { status } = await offer(BROWSER_OFFER);
    expect(status).toBe(200);
    await asked;
    stun.close();
  });

  it('are answered in time when the ICE servers do not answer', async () => {
    await start({ webRtc: { iceServers: [{ urls: 'stun:192.0.2.1:9' }], gatheringTimeoutMs: 50 } });
    const { status, json } = await offer(BROWSER_OFFER);
    expect(status).toBe(200);
    expect(json.sdp).toMatch(/typ host/);
  });
});

describe('PATCH /api/offer (trickle ICE)', () => {
  it.each([
    ['no more', { candidate: '' }, 200],
    [
      'a good one',
      { candidate: 'candidate:1 1 udp 1 127.0.0.1 9 typ host', sdp_mid: '0', sdp_mline_index: 0 },
      200,
    ],
    ['one without a section', { candidate: 'candidate:1 1 udp 1 127.0.0.1 9 typ host' }, 200],
    [
      'one of a section that is not there',
      { candidate: 'candidate:1 1 udp 1 127.0.0.1 9 typ host', sdp_mid: 'x' },
      200,
    ],
    [
      'one of another generation',
      { candidate: 'candidate:1 1 udp 1 127.0.0.1 9 typ host ufrag nope', sdp_mid: '0' },
      200,
    ],
    ['a name', { candidate: 'candidate:1 1 udp 1 abc.local 9 typ host', sdp_mid: '0' }, 200],
    ['nonsense', { candidate: 'nonsense', sdp_mid: '0' }, 400],
    ['no text', { candidate: 7 }, 422],
    ['a long text', { candidate: 'x'.repeat(501) }, 422],
    ['a section that is none', { candidate: '', sdp_mline_index: 'x' }, 422],
    ['null', null, 422],
    ['a list', [], 422],
  ])('%s', async (_, candidate, status) => {
    await start();
    const { json } = await offer(BROWSER_OFFER);
    const answer = await patch({ pc_id: json.pc_id, candidates: [candidate] });
    expect(answer.status).toBe(status);
    expect(typeof (answer.json.detail ?? answer.json.status)).toBe('string');
  });

  it('of an unknown or closed connection is refused', async () => {
    const launcher = await start();
    expect((await patch({ pc_id: 'x', candidates: [] })).status).toBe(404);
    expect((await patch({})).status).toBe(422);
    expect((await patch({ pc_id: 'x', candidates: Array(101).fill({}) })).status).toBe(422);
    const client = await connect();
    await client.leave();
    await endOf(await launcher.nextLaunch());
    expect((await patch({ pc_id: client.pcId, candidates: [] })).status).toBe(404);
  });
});

describe('a WebRTC session', () => {
  it('carries audio and messages both ways', async () => {
    await start({ launcher: EchoBot });
    const client = await connect();
    client.send({ label: 'rtvi-ai', type: 'client-ready', id: '1', data: { version: '2.1.0' } });
    await client.next(({ type }: { type: string }) => type === 'bot-ready');
    await hearsEcho(client);
  });

  it('buffers messages until the client is connected', async () => {
    const launcher = await start();
    const client = await WebRtcClient.offer({ offerUrl: `${running.url}/api/offer` });
    clients.push(client);
    const connection = connectionOf(await launcher.nextLaunch());
    for (let i = 0; i < 60; i++) expect(connection.sendAppMessage({ i })).toBe(i < 50);
    await client.opened();
    await client.next(({ i }: { i: number }) => i === 49);
    expect(client.messages).toEqual(Array.from({ length: 50 }, (_, i) => ({ i })));
    client.send({ early: 1 });
    client.send({ early: 2 });
    client.send({ last: true });
    const messages: unknown[] = [];
    await new Promise<void>((resolve) =>
      connection.on('app-message', (message) => {
        messages.push(message);
        if ((message as { last?: boolean }).last) resolve();
      }),
    );
    expect(messages).toEqual([{ early: 1 }, { early: 2 }, { last: true }]);
  });

  it('ends at once when the client disconnects', async () => {
    const launcher = await start();
    const client = await connect();
    const launch = await launcher.nextLaunch();
    const before = performance.now();
    const ended = endOf(launch);
    await client.leave();
    expect((await ended).code).toBe('peer_left');
    // Not by any of the time-outs.
    expect(performance.now() - before).toBeLessThan(2_000);
    expect(sessionCount()).toBe(0);
  });

  it('ends when the client’s keep-alive stops', async () => {
    const launcher = await start({ webRtc: { peerTimeoutMs: 400 } });
    const client = await connect();
    const launch = await launcher.nextLaunch();
    const events: string[] = [];
    for (const event of ['connected', 'disconnected', 'closed'] as const) {
      connectionOf(launch).on(event, () => events.push(event));
    }
    client.ping();
    client.send('after the ping');
    await once(connectionOf(launch), 'app-message');
    await client.vanish();
    expect(await endOf(launch)).toMatchObject({
      code: 'peer_left',
      message: expect.stringContaining('heard'),
    });
    expect(events).toEqual(['connected', 'disconnected', 'closed']);
  });

  it('ends when a Pipecat client is killed before its first keep-alive', async () => {
    const launcher = await start({ webRtc: { peerTimeoutMs: 400 } });
    const client = await connect();
    const launch = await launcher.nextLaunch();
    const trackStatus = { type: 'trackStatus', receiver_index: 0, enabled: true };
    client.send({ type: 'signalling', message: trackStatus });
    client.send('after it spoke of its tracks');
    await once(connectionOf(launch), 'app-message');
    await client.vanish();
    expect(await endOf(launch)).toMatchObject({
      code: 'peer_left',
      message: expect.stringContaining('heard'),
    });
  });

  it('ends when the client never connects', async () => {
    const launcher = await start({ webRtc: { connectTimeoutMs: 50 } });
    await offer(BROWSER_OFFER);
    expect((await endOf(await launcher.nextLaunch())).code).toBe('expired');
  });

  it('ends with the bot, and notifies the client', async () => {
    await start({
      launcher: {
        useValue: {
          launch: async (args: SmallWebRTCRunnerArguments) => {
            await once(args.webrtc_connection, 'app-message');
          },
        } as unknown as BotLauncher,
      },
    });
    const client = await connect();
    const closed = once(client, 'closed');
    client.send('bye');
    await client.next(
      ({ message }: { message?: { type: string } }) => message?.type === 'peerLeft',
    );
    await closed;
    expect(sessionCount()).toBe(0);
  });

  it('ends with the runner, and notifies the client', async () => {
    const launcher = await start();
    const client = await connect();
    const launch = await launcher.nextLaunch();
    await running.app.close();
    expect((await endOf(launch)).code).toBe('draining');
    await client.next(
      ({ message }: { message?: { type: string } }) => message?.type === 'peerLeft',
    );
  });

  it('ends as completed when the bot disconnects', async () => {
    const launcher = await start();
    await connect();
    const launch = await launcher.nextLaunch();
    await connectionOf(launch).disconnect();
    expect((await endOf(launch)).code).toBe('completed');
  });

  it('ends when a listener of the bot throws', async () => {
    const launcher = await start();
    const client = await connect();
    const launch = await launcher.nextLaunch();
    connectionOf(launch).on('app-message', () => {
      throw new Error('oops');
    });
    client.send({});
    expect((await endOf(launch)).code).toBe('failed');
  });
});

describe('a WebRTC connection', () => {
  it('is renegotiated when the client adds a camera', async () => {
    const launcher = await start();
    const client = await connect();
    const connection = connectionOf(await launcher.nextLaunch());
    expect([connection.audio.clientSends, connection.camera.clientSends]).toEqual([true, false]);
    const started = once(connection, 'track-started');
    client.camera = client.pc.addTransceiver('video', { direction: 'sendrecv' });
    // The first is the microphone's, kept until someone listened.
    expect(((await started) as [VideoTrack])[0].name).toBe('microphone');
    const camera = new Promise<VideoTrack>((resolve) =>
      connection.on('track-started', (track) => resolve(track as VideoTrack)),
    );
    const { pcId } = client;
    expect((await client.negotiate()).status).toBe(200);
    expect(client.pcId).toBe(pcId);
    expect((await camera).name).toBe('camera');
    expect(launcher.launches).toHaveLength(1);
  });

  it('is replaced under the same bot, which goes on talking', async () => {
    const launcher = await start({ launcher: undefined });
    expect(launcher.launches).toHaveLength(0);
    await running.app.close();
    const recording = new RecordingLauncher((args, session) => new EchoBot().launch(args, session));
    await start({ launcher: { useValue: recording } });
    const client = await connect();
    const launch = await recording.nextLaunch();
    const events: string[] = [];
    connectionOf(launch).on('disconnected', () => events.push('disconnected'));
    const again = once(connectionOf(launch), 'connected');
    const { pcId } = client;
    expect((await client.negotiate({ restart: true })).status).toBe(200);
    await client.opened();
    await again;
    expect(client.pcId).toBe(pcId);
    expect(events).toEqual(['disconnected']);
    client.send({ label: 'rtvi-ai', type: 'client-ready', id: '2', data: { version: '2.1.0' } });
    await client.next(({ id }: { id: string }) => id === '2');
    await hearsEcho(client);
    expect(recording.launches).toHaveLength(1);
  });

  it('survives an ICE restart', async () => {
    const launcher = await start();
    const client = await connect();
    const connection = connectionOf(await launcher.nextLaunch());
    expect((await client.negotiate({ iceRestart: true })).status).toBe(200);
    client.send({ after: true });
    const [message] = (await once(connection, 'app-message')) as [unknown];
    expect(message).toEqual({ after: true });
  });

  it('keeps its state when a second offer cannot be answered', async () => {
    const launcher = await start();
    const client = await connect();
    const connection = connectionOf(await launcher.nextLaunch());
    expect((await offer('v=0', { pc_id: client.pcId })).status).toBe(400);
    client.send({ still: 'here' });
    expect(await once(connection, 'app-message')).toEqual([{ still: 'here' }]);
  });

  it('reports muted tracks, and requests renegotiation', async () => {
    const launcher = await start();
    const client = await connect();
    const connection = connectionOf(await launcher.nextLaunch());
    expect(connection.audio.enabled).toBe(true);
    const mute = { type: 'trackStatus', receiver_index: 0, enabled: false };
    for (const message of [mute, { type: 'trackStatus', receiver_index: 9 }, { type: 'x' }, null]) {
      client.send({ type: 'signalling', message });
    }
    client.send({ done: true });
    await once(connection, 'app-message');
    expect(connection.audio.enabled).toBe(false);
    connection.askToRenegotiate();
    connection.askToRenegotiate();
    connection.sendAppMessage('end');
    await client.next((message: unknown) => message === 'end');
    expect(client.messages).toEqual([
      { type: 'signalling', message: { type: 'renegotiate' } },
      'end',
    ]);
  });

  it('carries video both ways, and requests keyframes', async () => {
    const launcher = await start();
    const client = await connect({ video: true });
    const { camera } = connectionOf(await launcher.nextLaunch());
    const picture = (key: boolean, fill: number): Buffer =>
      Buffer.concat([Buffer.of(key ? 0 : 1), Buffer.alloc(3_000, fill)]);
    let sequenceNumber = 100;
    const show = async (data: Buffer, timestampMs: number): Promise<void> => {
      for (const { payload, timestamp, marker } of packetizeVideo({ data, timestampMs }, 'VP8')) {
        const header = new werift.RtpHeader({
          sequenceNumber: sequenceNumber++,
          timestamp,
          marker,
        });
        await client.camera!.sender.sendRtp(new werift.RtpPacket(header, payload));
      }
    };
    const asked = client.pc.dtlsTransports[0]!.onRtcp.watch(
      (packet) => packet instanceof werift.RtcpPayloadSpecificFeedback,
    );
    const frames = camera.frames(AbortSignal.timeout(10_000));
    const first = frames.next();
    await asked;
    await show(picture(false, 1), 0);
    await show(picture(true, 2), 40);
    await show(picture(false, 3), 80);
    const heard = [await first, await frames.next()].map(({ value }) => value as VideoFrame);
    expect(heard.map(({ keyframe, codec, data }) => [keyframe, codec, data[1]])).toEqual([
      [true, 'VP8', 2],
      [false, 'VP8', 3],
    ]);
    await frames.return!();

    const seen = client.camera!.receiver.track.onReceiveRtp.asPromise();
    expect(camera.send({ data: picture(true, 9), timestampMs: 0 })).toBe(true);
    expect((await seen)[0].payload[2]).toBe(9);
    const requested = once(camera, 'keyframe-requested');
    await client.camera!.receiver.sendRtcpPLI(client.camera!.receiver.track.ssrc!);
    await requested;
  });

  it('returns its statistics', async () => {
    const launcher = await start({ launcher: undefined });
    expect(launcher).toBeDefined();
    await running.app.close();
    const recording = new RecordingLauncher(async (args, session) => {
      await createTransport(args);
      session.ready();
      await once(session.signal, 'abort');
    });
    await start({ launcher: { useValue: recording } });
    const client = await connect();
    const connection = connectionOf(await recording.nextLaunch());
    await client.listen(3);
    const { roundTripMs, lossOut } = await connection.stats();
    expect(roundTripMs).toBeGreaterThanOrEqual(0);
    expect(lossOut).toBe(0);
  });
});

describe('malicious WebRTC clients', () => {
  /** Sends what no client of ours would, past werift's own checks. */
  const attack = async (send: (client: WebRtcClient) => Promise<void>): Promise<Launch> => {
    const launcher = await start();
    const client = await connect();
    const launch = await launcher.nextLaunch();
    await send(client);
    return launch;
  };
  const sctpOf = (client: WebRtcClient) => client.pc.sctpTransport!.sctp;

  it('cannot do harm with unknown or malformed messages', async () => {
    const launch = await attack(async (client) => {
      const sctp = sctpOf(client);
      await sctp.send(client.channel!.id, 999, Buffer.from('x'), { ordered: true });
      await sctp.send(77, 50, Buffer.of(2), { ordered: true });
      for (const bytes of [[], [3], [99], [3, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255]]) {
        await sctp.send(78, 50, Buffer.from(bytes), { ordered: true });
      }
      const { dtlsTransport } = client.pc.sctpTransport!;
      for (let length = 0; length < 100; length++) {
        await dtlsTransport.sendData(
          Buffer.from(Array.from({ length }, (_, i) => (i * 37 + length) & 0xff)),
        );
      }
      client.channel!.send('not JSON');
      client.channel!.send('null');
      client.send({ still: 'here' });
    });
    const connection = connectionOf(launch);
    const messages: unknown[] = [];
    connection.on('app-message', (message) => messages.push(message));
    while (messages.length < 2) await once(connection, 'app-message');
    expect(messages).toEqual([null, { still: 'here' }]);
  });

  it('are disconnected for endless messages', async () => {
    const launch = await attack(async (client) => {
      const sctp = sctpOf(client) as unknown as {
        outboundQueue: { flags: number }[];
        transmit(): Promise<void>;
      };
      // A first piece, and never the last.
      void sctpOf(client).send(client.channel!.id, 51, Buffer.alloc(4_000_000), { ordered: true });
      for (const chunk of sctp.outboundQueue) chunk.flags &= ~1;
    });
    expect((await endOf(launch)).code).toBe('peer_left');
  });

  it('are disconnected for endless data channels', async () => {
    const launch = await attack(async (client) => {
      for (let i = 0; i < 40; i++) client.pc.createDataChannel(`more ${i}`);
    });
    expect((await endOf(launch)).code).toBe('peer_left');
  });
});

it('thirty WebRTC sessions leak nothing', async () => {
  const launcher = await start();
  const sockets = () => process.getActiveResourcesInfo().filter((one) => one === 'UDPWrap').length;
  const before = sockets();
  for (let i = 0; i < 30; i++) {
    const client = await WebRtcClient.connect({ offerUrl: `${running.url}/api/offer` });
    await client.leave();
    await endOf(await launcher.nextLaunch());
  }
  expect(sessionCount()).toBe(0);
  // Closed handles are counted until the loop has come round.
  while (sockets() > before) await new Promise((resolve) => setImmediate(resolve));
});
