import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import WebSocket from 'ws';
import type { BotLauncher } from '../../src/index.js';
import { Fleet } from '../../src/fleet/fleet.js';
import { type FleetApp, FleetApps } from '../support/fleet-apps.js';
import { describeWith } from '../support/needs.js';
import { closeOf, connect, PLATFORMS, type Platform, post } from '../support/runner-app.js';
import { until } from '../support/until.js';

const bot: BotLauncher['launch'] = async (_args, session) => {
  session.ready();
  await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
};

describeWith('redis-server')('a burst of sockets at nodes that become full', () => {
  let fleet: FleetApps;
  beforeEach(async () => {
    fleet = await FleetApps.begin();
  });
  afterEach(() => fleet.end());

  const startThree = async (platform: Platform): Promise<FleetApp[]> => {
    const nodes: FleetApp[] = [];
    for (let i = 0; i < 3; i++) nodes.push(await fleet.start(platform, bot, { maxSessions: 4 }));
    return nodes;
  };
  const announce = async (node: FleetApp): Promise<string> => {
    const { json } = await post(`${node.url}/start`, { transport: 'websocket' });
    return String(json.token);
  };
  /** Announces twelve sessions, and opens their sockets in one instant. @returns close codes so far */
  const burst = async (openers: FleetApp[], takers: FleetApp[]): Promise<number[]> => {
    const tokens: string[] = [];
    for (let i = 0; i < 12; i++) tokens.push(await announce(openers[i % openers.length]!));
    const refused: number[] = [];
    tokens.forEach((token, i) => {
      const { wsUrl } = takers[i % takers.length]!;
      const socket = new WebSocket(`${wsUrl}/ws-client?token=${token}`);
      void closeOf(socket).then(({ code }) => refused.push(code));
    });
    return refused;
  };
  const sizes = (nodes: FleetApp[]) =>
    nodes.map(({ launcher, records }) => launcher.launches.length - records.length);
  const arriving = (nodes: FleetApp[]) =>
    nodes.map(({ app }) => app.get(Fleet, { strict: false }).capacity.arriving.size);

  it('keeps no place for a socket that fails on its way', async () => {
    const node = await fleet.start('fastify', bot, { maxSessions: 2 });
    const { port } = new URL(node.url);
    const head =
      'GET /ws-client HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
    // Without the headers of a WebSocket.
    const refused = createConnection(Number(port), '127.0.0.1').end(`${head}\r\n`);
    expect(String((await once(refused, 'data'))[0])).toContain('400 Bad Request');
    const left = createConnection(Number(port), '127.0.0.1');
    left.write(
      `${head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'x'.repeat(22)}==\r\n\r\n`,
    );
    await once(left, 'data');
    left.resetAndDestroy();
    const url = `${node.wsUrl}/ws-client`;
    expect(await closeOf(`${url}?token=wrong`)).toMatchObject({ code: 4003 });
    expect(await closeOf(url, { origin: 'http://evil.example' })).toMatchObject({ code: 4003 });
    await until(() => arriving([node])[0] === 0);
    for (let i = 0; i < 2; i++) await connect(`${url}?token=${await announce(node)}`);
    await until(() => sizes([node])[0] === 2);
  });

  describe.each(PLATFORMS)('on %s', (platform) => {
    it.each([
      ['that come to the node that has opened their sessions', [0], [0]],
      ['that come to one node, with sessions of all', [0, 1, 2], [0]],
      ['that come to two nodes at once', [0], [0, 1]],
    ])('is served by all of them, to the last place: sockets %s', async (_, openers, takers) => {
      const nodes = await startThree(platform);
      const of = (some: number[]): FleetApp[] => some.map((i) => nodes[i]!);
      const refused = await burst(of(openers), of(takers));
      await until(() => sizes(nodes).reduce((sum, size) => sum + size) + refused.length === 12);
      expect([sizes(nodes), refused]).toEqual([[4, 4, 4], []]);
      expect(arriving(nodes)).toEqual([0, 0, 0]);
    });
  });
});
