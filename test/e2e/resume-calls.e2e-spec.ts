import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { RunnerModule, type RunnerOptions, TelephonyModule } from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { FLEET_SECRET } from '../support/fleet-node.js';
import { freePort } from '../support/free-port.js';
import { describeWith } from '../support/needs.js';
import { RedisServer } from '../support/redis-server.js';
import { closeApps, startApp } from '../support/runner-app.js';
import { spawnHost } from '../support/spawn-host.js';
import { TwilioCall } from '../support/twilio-call.js';
import { until } from '../support/until.js';

const TOKEN = 'twilio-token';
const PUBLIC = 'https://bot.example.com';
const WEBHOOK = `${PUBLIC}/telephony/twilio?tenant=acme`;
const HOST = new URL('../support/call-host.js', import.meta.url);
/** Longer than a call may be without its bot. */
const LEASE_MS = 20_000;

interface Told {
  readonly sessionId?: string;
  readonly body?: { readonly ticket: string };
  readonly parameters?: Record<string, unknown>;
  readonly routed?: Record<string, string>;
}

/** A runner in a process of its own, and what it has told. */
class Host {
  readonly told: Told[] = [];

  private constructor(
    readonly child: ChildProcess,
    readonly url: string,
  ) {
    child.on('message', (message: Told) => this.told.push(message));
  }

  static async start(settings: object, listenAt?: number): Promise<Host> {
    const port = listenAt ?? (await freePort());
    const telephony = { publicUrl: PUBLIC };
    const url = `http://127.0.0.1:${port}`;
    const { child } = await spawnHost(HOST, {
      listenAt: port,
      token: TOKEN,
      telephony,
      ...settings,
    });
    const host = new Host(child, url);
    running.push(host);
    return host;
  }

  get launches(): Told[] {
    return this.told.filter(({ sessionId }) => sessionId);
  }

  async launched(count = 1): Promise<Told> {
    await until(() => this.launches.length >= count);
    return this.launches[count - 1]!;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill(signal);
    await ended;
  }
}

const running: Host[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((host) => host.kill()));
  await closeApps();
});

describeWith('redis-server')('a call of Twilio in a fleet', () => {
  let redis: RedisServer;
  afterEach(() => redis.stop());

  const begin = async () => {
    redis = await RedisServer.start();
    const node = async () => {
      const port = await freePort();
      const advertiseUrl = `http://127.0.0.1:${port}`;
      const times = { heartbeatMs: 500, leaseMs: LEASE_MS };
      const fleet = { redis: redis.url, secret: FLEET_SECRET, advertiseUrl, ...times };
      return Host.start({ fleet }, port);
    };
    const nodes = [await node(), await node()] as const;
    let chosen = nodes[0];
    const call = new TwilioCall({ at: () => chosen.url, token: TOKEN, webhook: WEBHOOK });
    const choose = (host: Host) => (chosen = host);
    return { nodes, call, choose, stream: await call.stream() };
  };
  const sessionsAt = async ({ url }: Host) =>
    (await (await fetch(`${url}/fleet`)).json()) as { totals: { sessions: number } };

  it('goes on with another bot at once when its node is killed, and ends when that one has returned', async () => {
    const { nodes, call, choose } = await begin();
    const [first, second] = nodes;
    const before = await first.launched();
    choose(second);
    const resumed = call.stream();
    const killedAtMs = performance.now();
    await first.kill();
    const stream = await resumed;
    const after = await second.launched();
    expect(performance.now() - killedAtMs).toBeLessThan(LEASE_MS / 2);
    expect(after.sessionId).not.toBe(before.sessionId);
    expect(after).toMatchObject({
      body: before.body,
      parameters: { tenant: 'acme', resumed_session_id: before.sessionId },
    });
    // The router has decided about this call already.
    expect(second.told.some(({ routed }) => routed)).toBe(false);
    // The place of the lost session is free before the lease of its node is over.
    expect((await sessionsAt(second)).totals.sessions).toBe(1);
    stream.press('1');
    await call.over;
    expect(call.documents).toHaveLength(3);
    expect(call.documents[2]).toContain('<Response><Hangup/></Response>');
    expect(second.launches).toHaveLength(1);
  }, 120_000);

  it('is a new call on any node when it names the session of another one', async () => {
    const { nodes, call, choose } = await begin();
    const [first, second] = nodes;
    const { sessionId } = await first.launched();
    choose(second);
    const webhook = `${WEBHOOK}&resumed_session_id=${sessionId}&resume_count=1`;
    const other = new TwilioCall({ at: () => second.url, token: TOKEN, webhook });
    await other.stream();
    await until(() => first.launches.length + second.launches.length === 2);
    const { parameters } = second.launches[0] ?? first.launches[1]!;
    expect(parameters).toEqual({ tenant: 'acme' });
    expect(other.documents[0]).not.toContain(sessionId);
    expect(call.documents).toHaveLength(1);
  }, 120_000);

  it('ends on whichever node it comes to, when its bot has returned', async () => {
    const { nodes, call, choose, stream } = await begin();
    const [first, second] = nodes;
    await first.launched();
    choose(second);
    stream.press('1');
    await call.over;
    expect(call.documents).toHaveLength(2);
    expect(call.documents[1]).toContain('<Response><Hangup/></Response>');
    expect(second.told).toEqual([]);
  }, 120_000);

  it('goes on when its node is shut down', async () => {
    const { nodes, call, choose } = await begin();
    const [first, second] = nodes;
    const { sessionId } = await first.launched();
    choose(second);
    const resumed = call.stream();
    // The second signal cuts conversations.
    first.child.kill('SIGTERM');
    await until(
      async () => (await fetch(`${first.url}/readyz`).catch(() => undefined))?.status !== 200,
    );
    first.child.kill('SIGTERM');
    await resumed;
    expect(await second.launched()).toMatchObject({
      parameters: { resumed_session_id: sessionId },
    });
  }, 120_000);
});

describe('a call of Twilio without a fleet', () => {
  it('goes on when the process is killed and started again', async () => {
    const port = await freePort();
    const host = await Host.start({ telephony: {} }, port);
    const webhook = `${host.url}/telephony/twilio?tenant=acme`;
    const call = new TwilioCall({ at: () => host.url, token: TOKEN, webhook });
    await call.stream();
    const { sessionId } = await host.launched();
    // A balancer holds the request until there is somebody to serve it.
    let starting: Promise<Host> | undefined;
    const ask = call.ask.bind(call);
    call.ask = async (url) => {
      await (starting ??= Host.start({ telephony: {} }, port));
      return ask(url);
    };
    const resumed = call.stream();
    await host.kill();
    await resumed;
    const restarted = await starting!;
    expect(await restarted.launched()).toMatchObject({
      parameters: { tenant: 'acme', resumed_session_id: sessionId },
    });
    expect(restarted.told[0]).toEqual({
      routed: { tenant: 'acme', resumed_session_id: sessionId, resume_count: '1' },
    });
    expect(call.urls[1]).toBe(`${webhook}&resumed_session_id=${sessionId}&resume_count=1`);
  }, 120_000);

  const begin = async (
    bot?: RecordingLauncher['launch'],
    { resumeCalls = true, ...options }: RunnerOptions & { resumeCalls?: boolean } = {},
  ) => {
    const launcher = new RecordingLauncher(bot);
    const { url } = await startApp('fastify', [
      RunnerModule.forRoot({
        ...options,
        launcher: { useValue: launcher },
        transports: [
          TelephonyModule.forRoot({
            publicUrl: PUBLIC,
            webhookKeys: { twilio: TOKEN },
            resumeCalls,
          }),
        ],
      }),
    ]);
    return { launcher, line: { at: () => url, token: TOKEN, webhook: WEBHOOK } };
  };

  it('gets at most three more bots when each of them fails', async () => {
    const { launcher, line } = await begin(() => Promise.reject(new Error('broken')));
    const call = new TwilioCall(line);
    await call.over;
    expect(launcher.launches).toHaveLength(4);
    expect(call.documents).toHaveLength(4);
    expect(call.documents.map((one) => one.includes('<Redirect'))).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  it('ends when it was stopped, or lasted too long', async () => {
    const { launcher, line } = await begin(undefined, { maxSessionDurationMs: 50 });
    const call = new TwilioCall(line);
    await call.over;
    expect(launcher.launches).toHaveLength(1);
    expect(call.documents[1]).toContain('<Response><Hangup/></Response>');
  });

  it('takes the place of a session whose broken connection was not noticed yet', async () => {
    const { launcher, line } = await begin(undefined, { maxSessions: 2 });
    const call = new TwilioCall(line);
    await call.stream();
    const { session } = await launcher.nextLaunch();
    const url = `${WEBHOOK}&resumed_session_id=${session.id}`;
    // Another call is not this one, whatever it says.
    const other = new TwilioCall({ ...line, webhook: url });
    const stranger = await other.stream();
    await launcher.nextLaunch();
    expect(session.signal.aborted).toBe(false);
    await other.hangUp(stranger);
    expect(await (await call.ask(url)).text()).toContain('<Connect>');
    expect(session.signal.reason).toMatchObject({ code: 'peer_left' });
  });

  it.each(['is going on', 'has ended', 'waits for its client'])(
    'is a new call when it names the session of another one that %s',
    async (state) => {
      const bot = state === 'has ended' ? () => Promise.resolve() : undefined;
      const { launcher, line } = await begin(bot);
      let id: string;
      if (state === 'waits for its client') {
        const waiting = new TwilioCall({ ...line, webhook: '' });
        const document = await (await waiting.ask(WEBHOOK)).text();
        id = /resumed_session_id=([\w-]+)/.exec(document)![1]!;
      } else {
        const call = new TwilioCall(line);
        ({ id } = (await launcher.nextLaunch()).session);
        if (state === 'has ended') await call.over;
      }
      const url = `${WEBHOOK}&resumed_session_id=${id}&resume_count=3`;
      const document = await (await new TwilioCall({ ...line, webhook: '' }).ask(url)).text();
      expect(document).toContain('<Connect>');
      expect(document).not.toContain(id);
      expect(document).toMatch(/resumed_session_id=[\w-]+&amp;resume_count=1</);
    },
  );

  it('is resumed only by a webhook that is signed, and only if that is wanted', async () => {
    const { launcher, line } = await begin();
    const call = new TwilioCall({ ...line, token: 'another' });
    const { status } = await call.ask(`${WEBHOOK}&resumed_session_id=1`);
    expect(status).toBe(401);
    expect(launcher.launches).toEqual([]);
    const { line: plain } = await begin(undefined, { resumeCalls: false });
    const plainCall = new TwilioCall(plain);
    await plainCall.hangUp(await plainCall.stream());
    expect(plainCall.documents).toEqual([expect.not.stringContaining('<Redirect')]);
  });

  it('needs a history, which tells what has ended on purpose', async () => {
    await expect(begin(undefined, { sessionHistory: 0 })).rejects.toThrow(
      /resumeCalls needs a sessionHistory above 0/,
    );
  });
});
