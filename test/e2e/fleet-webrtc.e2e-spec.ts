import { afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { type FleetApp, FleetApps } from '../support/fleet-apps.js';
import { type Platform, post } from '../support/runner-app.js';
import { type Principal, RunnerAuth, SmallWebRtcModule } from '../../src/index.js';
import type { AuthRequest } from '../../src/auth/runner-auth.js';
import { EchoBot } from '../../src/standalone/echo.bot.js';
import { BROWSER_OFFER } from '../support/offers.js';
import { hearsEcho } from '../support/hears-echo.js';
import { describeWith } from '../support/needs.js';
import { until } from '../support/until.js';
import { warmUp, WebRtcClient } from '../support/webrtc-client.js';

beforeAll(warmUp, 60_000);

const CANDIDATE = {
  candidate: 'candidate:1 1 udp 2113937151 127.0.0.1 9 typ host',
  sdp_mid: '0',
  sdp_mline_index: 0,
};

describeWith('redis-server')('WebRTC over the nodes of a fleet', () => {
  let fleet: FleetApps;
  const clients: WebRtcClient[] = [];
  beforeEach(async () => {
    fleet = await FleetApps.begin();
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map(({ pc }) => pc.close()));
    await fleet.end();
  });

  const start = (platform: Platform, options = {}) =>
    fleet.start(platform, (args, session) => new EchoBot().launch(args, session), {
      transports: [SmallWebRtcModule.forRoot()],
      ...options,
    });

  const patch = async (url: string, pc_id: string | null, candidates: object[] = [CANDIDATE]) => {
    const response = await fetch(url, {
      method: 'PATCH',
      body: JSON.stringify({ pc_id, candidates }),
      headers: { 'content-type': 'application/json' },
    });
    return { status: response.status, json: (await response.json()) as object };
  };

  const connect = async (options: { offerUrl: string }) => {
    const client = await WebRtcClient.connect(options);
    clients.push(client);
    return client;
  };

  it('is opened to its own principal only, wherever it waits', async () => {
    class ByName extends RunnerAuth {
      authorize({ request }: AuthRequest): Principal | undefined {
        const id = request.headers.authorization;
        return id === undefined ? undefined : { id };
      }
    }
    const [a, b] = [
      await start('fastify', { auth: ByName }),
      await start('express', { auth: ByName }),
    ];
    const as = (authorization: string) => ({ authorization });
    const { sessionId: id } = await post(`${a.url}/start`, { transport: 'webrtc' }, as('ann'));
    const offer = (url: string, name: string) =>
      post(`${url}/sessions/${id}/api/offer`, { sdp: BROWSER_OFFER, type: 'offer' }, as(name));
    expect((await offer(b.url, 'bob')).status).toBe(404);
    expect((await offer(b.url, 'ann')).status).toBe(200);
    // It is passed on, and its node decides.
    expect((await offer(a.url, 'bob')).status).toBe(404);
    expect((await offer(a.url, 'ann')).status).toBe(409);
    expect((await post(`${a.url}/sessions/${id}/api/offer`, {})).status).toBe(401);
  });

  it.each([
    ['fastify', 'express'],
    ['express', 'fastify'],
  ] as const)(
    'is answered where its offer comes, and reached from everywhere: %s and %s',
    async (first, second) => {
      const [a, b, c] = [await start(first), await start(second), await start(first)];
      const { sessionId: id } = await post(`${a.url}/start`, { transport: 'webrtc' });
      const options = { offerUrl: `${b.url}/sessions/${id}/api/offer` };
      const client = await connect(options);
      expect(launches(a, b, c)).toEqual([0, 1, 0]);
      expect(client.pcId).toContain(id);
      for (const { url } of [a, b, c]) {
        for (const path of ['/api/offer', `/sessions/${id}/api/offer`]) {
          expect(await patch(url + path, client.pcId)).toEqual({
            status: 200,
            json: { status: 'success' },
          });
        }
        const other = client.pcId!.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
        expect((await patch(`${url}/api/offer`, other)).status).toBe(404);
        expect((await patch(`${url}/api/offer`, client.pcId, [{}])).status).toBe(422);
      }
      const { pcId } = client;
      for (const { url } of [c, a]) {
        options.offerUrl = `${url}/api/offer`;
        expect((await client.negotiate()).status).toBe(200);
        expect(client.pcId).toBe(pcId);
      }
      await hearsEcho(client);
      expect(launches(a, b, c)).toEqual([0, 1, 0]);
      const stopped = await fetch(`${a.url}/sessions/${id}`, { method: 'DELETE' });
      expect(stopped.status).toBe(200);
      await until(() => b.records.length > 0);
      expect([a.records, b.records, c.records]).toMatchObject([
        [],
        [{ sessionId: id, code: 'stopped' }],
        [],
      ]);
    },
    40_000,
  );
});

const launches = (...apps: FleetApp[]): number[] =>
  apps.map(({ launcher }) => launcher.launches.length);
