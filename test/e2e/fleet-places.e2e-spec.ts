import { afterEach, beforeEach, expect, it } from '@jest/globals';
import {
  type BotLauncher,
  MetricsModule,
  RunnerDrain,
  SessionEnd,
  SessionRegistry,
  SmallWebRtcModule,
  TelephonyModule,
  WebSocketModule,
  type WebSocketRunnerArguments,
} from '../../src/index.js';
import { CallDocuments } from '../../src/transports/telephony/call-documents.js';
import { type FleetApp, FleetApps } from '../support/fleet-apps.js';
import { describeWith } from '../support/needs.js';
import { BROWSER_OFFER } from '../support/offers.js';
import { closeOf, connect, nextText, type Platform, post } from '../support/runner-app.js';
import { until } from '../support/until.js';

/** Echoes, and tells whose it is. */
const bot: BotLauncher['launch'] = async (args, session) => {
  session.ready();
  const { websocket } = args as WebSocketRunnerArguments;
  websocket?.on('message', (data: Buffer) => websocket.send(`echo ${data.toString()}`));
  websocket?.send(JSON.stringify(args.body ?? null));
  await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
};

describeWith('redis-server')('a node that takes no sessions', () => {
  let fleet: FleetApps;
  beforeEach(async () => {
    fleet = await FleetApps.begin();
  });
  afterEach(() => fleet.end());

  const start = (platform: Platform, maxSessions: number, waits = false) =>
    fleet.start(platform, bot, {
      maxSessions,
      waits,
      transports: [WebSocketModule.forRoot(), SmallWebRtcModule.forRoot()],
      features: [MetricsModule.forRoot()],
    });
  const announce = async (app: FleetApp, body: unknown) => {
    const { json } = await post(`${app.url}/start`, { transport: 'websocket', body });
    return String(json.token);
  };
  const socketAt = async (app: FleetApp, token: string) => {
    const socket = await connect(`${app.wsUrl}/ws-client?token=${token}`);
    return { socket, first: JSON.parse(await nextText(socket)) as unknown };
  };
  /** Sessions that go on, by node. */
  const sizes = (...apps: FleetApp[]) =>
    apps.map(({ launcher, records }) => launcher.launches.length - records.length);

  it.each([
    ['fastify', 'express'],
    ['express', 'fastify'],
  ] as const)('passes sockets and offers on while it is full: %s to %s', async (first, second) => {
    const [a, b] = [await start(first, 1), await start(second, 4)];
    const own = await socketAt(a, await announce(a, 'own'));
    expect([own.first, sizes(a, b)]).toEqual(['own', [1, 0]]);
    const token = await announce(a, 'passed');
    const passed = await socketAt(a, token);
    expect([passed.first, sizes(a, b)]).toEqual(['passed', [1, 1]]);
    passed.socket.send('x'.repeat(100_000));
    expect(await nextText(passed.socket)).toBe(`echo ${'x'.repeat(100_000)}`);
    expect(await closeOf(`${a.wsUrl}/ws-client?token=${token}`)).toMatchObject({ code: 4003 });
    // An offer of a session, and one of none.
    const { sessionId } = await post(`${a.url}/start`, { transport: 'webrtc' });
    const offer = { sdp: BROWSER_OFFER, type: 'offer' };
    const answer = await post(`${a.url}/sessions/${sessionId}/api/offer`, offer);
    expect([answer.status, sizes(a, b)]).toEqual([200, [1, 2]]);
    expect((await post(`${a.url}/api/offer`, offer)).status).toBe(200);
    expect(sizes(a, b)).toEqual([1, 3]);
    const metrics = await (await fetch(`${a.url}/metrics`)).text();
    expect(metrics).toContain('\npipecat_fleet_moved_total 4\n');
    // The last place is for whoever was told to come.
    const late = await announce(a, 'late');
    expect((await post(`${a.url}/api/offer`, offer)).status).toBe(429);
    for (const { url } of [a, b]) {
      const full = await post(`${url}/start`, { transport: 'websocket' });
      expect([full.status, full.json.message]).toEqual([
        429,
        expect.stringContaining('All 5 sessions of this fleet are taken'),
      ]);
    }
    expect((await socketAt(a, late)).first).toBe('late');
    own.socket.close();
    await until(() => a.records.length === 1);
    expect((await socketAt(b, await announce(b, 'next'))).first).toBe('next');
    passed.socket.close(4321, 'bye');
    await until(() => b.records.length === 1);
    expect(b.records[0]).toMatchObject({ code: 'peer_left' });
  });

  it('passes sockets on while it drains, and waits for them', async () => {
    const [a, b] = [await start('fastify', 3, true), await start('express', 3)];
    const tokens = [await announce(a, 1), await announce(a, 2)];
    const own = await socketAt(a, await announce(b, 'own'));
    const drain = a.app.get(RunnerDrain, { strict: false });
    let isOver = false;
    const expedite = drain.start().then(() => (isOver = true));
    await until(async () => {
      const states = await fleet.states();
      return states.includes('draining');
    });
    const passed = await Promise.all(tokens.map((token) => socketAt(a, token)));
    expect(passed.map(({ first }) => first)).toEqual([1, 2]);
    expect(sizes(a, b)).toEqual([1, 2]);
    own.socket.close();
    await until(() => a.records.length === 1);
    passed[0]!.socket.send('still there');
    expect(await nextText(passed[0]!.socket)).toBe('echo still there');
    expect(isOver).toBe(false);
    for (const { socket } of passed) socket.close();
    await expedite;
    await until(() => b.records.length === 2);
    expect(b.records.map(({ code }) => code)).toEqual(['peer_left', 'peer_left']);
  });

  it.each(['fastify', 'express'] as const)(
    'passes starts and webhooks of carriers on while it drains: %s',
    async (platform) => {
      const options = {
        publicKeys: ['pk_the-key-of-clients'],
        transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot()],
      };
      const [a, b] = [
        await fleet.start(platform, bot, { ...options, waits: true }),
        await fleet.start('fastify', bot, options),
      ];
      const authorization = 'Bearer pk_the-key-of-clients';
      const body = { transport: 'websocket', body: { big: 'x'.repeat(10_000) } };
      const begin = (headers: Record<string, string> = { authorization }) =>
        post(`${a.url}/start`, body, headers);
      const own = await socketAt(a, String((await begin()).json.token));
      const ended = a.app.get(RunnerDrain, { strict: false }).start();
      await until(async () => (await fleet.states()).includes('draining'));
      // The node that answers decides about access.
      expect((await begin({})).status).toBe(401);
      const { status, json, sessionId } = await begin();
      expect([status, String(json.wsUrl)]).toEqual([200, `${a.wsUrl}/ws-client`]);
      expect(b.app.get(SessionRegistry, { strict: false }).get(sessionId)).toBeDefined();
      expect((await socketAt(a, String(json.token))).first).toEqual(body.body);
      const webhook = await fetch(`${a.url}/telephony/twilio`, {
        method: 'POST',
        body: new URLSearchParams({ CallSid: 'CA1', From: '+15550001', To: '+15550002' }),
      });
      expect([webhook.status, await webhook.text()]).toEqual([
        200,
        expect.stringMatching(/<Connect><Stream url="wss:\/\/[^"]+\/ws\//),
      ]);
      // With nobody else it says so itself.
      const drained = b.app.get(RunnerDrain, { strict: false }).start();
      await until(async () => (await begin()).status === 503);
      own.socket.close();
      await Promise.all([ended, drained]);
    },
  );

  it('returns the document of a call that another node has placed', async () => {
    const options = {
      transports: [TelephonyModule.forRoot({ publicUrl: 'https://bot.example.com' })],
    };
    const [a, b] = [
      await fleet.start('fastify', bot, options),
      await fleet.start('express', bot, options),
    ];
    const url = a.app.get(CallDocuments, { strict: false }).urlOf('<Response>secret</Response>');
    for (const node of [b, a, b]) {
      const answer = await fetch(`${node.url}${new URL(url).pathname}`, { method: 'POST' });
      expect([answer.status, await answer.text()]).toEqual([200, '<Response>secret</Response>']);
    }
    const guess = `${b.url}/telephony/documents/${'x'.repeat(22)}`;
    expect((await fetch(guess, { method: 'POST' })).status).toBe(404);
    expect(await fleet.keys('once:*')).toHaveLength(1);
  });

  it('gets the accounts of a call with its session, which nobody reads in Redis', async () => {
    const [a, b] = [await start('fastify', 3), await start('express', 3)];
    const [opener, owner] = [a, b].map(({ app }) => app.get(SessionRegistry, { strict: false }));
    const credentials = { twilio: { accountSid: 'AC1', authToken: 'secret of the account' } };
    const { id, context } = await opener!.open({ transport: 'websocket', credentials });
    const session = await owner!.claim(id, ['websocket']);
    expect([context.credentials, session?.context.credentials]).toEqual([credentials, credentials]);
    const [key = ''] = await fleet.keys(`s:${id}`);
    expect(await fleet.dump(key)).not.toMatch(/secret of|AC1|twilio/);
    await session!.end(new SessionEnd('stopped', 'enough'));
  });

  it('tells a Redis that was emptied of what waits for its client', async () => {
    const [a, b] = [await start('fastify', 3), await start('express', 3)];
    const [token, used] = [await announce(a, 'kept'), await announce(a, 'used')];
    const own = await socketAt(b, used);
    // The opener has heard that it is served.
    const opener = a.app.get(SessionRegistry, { strict: false });
    await until(() => opener.size === 1);
    await fleet.empty();
    await until(async () => (await fleet.keys('s:*')).length === 2);
    const { first, socket } = await socketAt(b, token);
    expect(first).toBe('kept');
    for (const again of [token, used]) {
      expect(await closeOf(`${a.wsUrl}/ws-client?token=${again}`)).toMatchObject({ code: 4003 });
    }
    own.socket.send('still there');
    expect(await nextText(own.socket)).toBe('echo still there');
    for (const one of [socket, own.socket]) one.close();
    await until(() => b.records.length === 2);
    expect(b.records.map(({ code }) => code)).toEqual(['peer_left', 'peer_left']);
    expect(a.records).toEqual([]);
  });
});
