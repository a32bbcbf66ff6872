import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { FleetSecrets } from '../../src/fleet/fleet-secrets.js';
import { HOP_HEADER, Hops } from '../../src/http/fleet-router/hops.js';
import { type BotLauncher, type WebSocketRunnerArguments } from '../../src/index.js';
import { type FleetApp, FleetApps } from '../support/fleet-apps.js';
import { FLEET_SECRET } from '../support/fleet-node.js';
import { freePort } from '../support/free-port.js';
import { describeWith } from '../support/needs.js';
import { connect, nextText, post } from '../support/runner-app.js';
import { spawnHost } from '../support/spawn-host.js';
import { until } from '../support/until.js';

const ours = new Hops(new FleetSecrets([FLEET_SECRET]).hopKeys);
const theirs = new Hops(new FleetSecrets(['the secret of another fleet, and long enough']).hopKeys);

describeWith('redis-server')('strangers and broken nodes of a fleet', () => {
  let fleet: FleetApps;
  let asked: { path: string; headers: Headers; body: string }[];
  beforeEach(async () => {
    asked = [];
    fleet = await FleetApps.begin();
  });
  afterEach(() => fleet.end());

  const bot: BotLauncher['launch'] = async (args, session) => {
    session.onRequest(async (request) => {
      const { pathname: path } = new URL(request.url);
      asked.push({ path, headers: request.headers, body: await request.text() });
      return new Response('seen');
    });
    session.ready();
    (args as WebSocketRunnerArguments).websocket.send('ready');
    await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
  };

  /** Opens a session on one node, and its socket on another. @returns its id */
  const run = async (opener: { url: string }, owner: { wsUrl: string }): Promise<string> => {
    const { sessionId, json } = await post(`${opener.url}/start`, { transport: 'websocket' });
    const socket = await connect(`${owner.wsUrl}/ws-client?token=${String(json.token)}`);
    socket.on('error', () => undefined);
    await nextText(socket);
    return sessionId;
  };

  /** A node in a process of its own, and a session that it has. */
  const other = async (a: FleetApp) => {
    const listenAt = await freePort();
    const host = new URL('../support/fleet-host.js', import.meta.url);
    const options = { ...fleet.optionsAt(listenAt), leaseMs: 3_000, listenAt };
    const { child } = await spawnHost(host, options);
    const id = await run(a, { wsUrl: `ws://127.0.0.1:${listenAt}` });
    return { child, id, listenAt };
  };

  it('are given no way by headers that they make up', async () => {
    const [a, b] = [await fleet.start('fastify', bot), await fleet.start('express', bot)];
    for (const [at, owner] of [
      [a, b],
      [b, a],
    ] as const) {
      const id = await run(at, owner);
      const path = `/sessions/${id}/notes`;
      const foreign = [
        ...['yes', '', '.', 'NaN.x.y', theirs.sign('hop', 'GET', path)],
        // Of another request, and of another kind.
        ...[ours.sign('hop', 'POST', path), ours.sign('hop', 'GET', `${path}/`)],
        ours.sign('ask', at.url),
      ];
      for (const hop of foreign) {
        const headers = { [HOP_HEADER]: hop, 'x-pipecat-fleet-own': 'x' };
        const response = await fetch(at.url + path, { headers });
        expect([response.status, await response.text()]).toEqual([200, 'seen']);
      }
      // A node's own is not passed on again.
      const hop = ours.sign('hop', 'GET', path);
      expect((await fetch(at.url + path, { headers: { [HOP_HEADER]: hop } })).status).toBe(421);
      const ask = { 'x-pipecat-fleet-ask': `node ${theirs.sign('ask', 'node')}` };
      expect((await fetch(`${at.url}/sessions`, { headers: ask })).status).toBe(200);
    }
    expect(asked).toHaveLength(16);
    const sent = asked.flatMap(({ headers }) => [...headers.keys()]);
    expect(sent.filter((name) => name.includes('fleet'))).toEqual([]);
  });

  it('find nothing by ids that are none', async () => {
    const a = await fleet.start('fastify', bot);
    const b = await fleet.start('express', bot);
    for (const { url } of [a, b]) {
      for (const id of [
        '..%2f..',
        '%2e%2e',
        'a%00b',
        `${'a'.repeat(65)}`,
        '%7Bvoice%7D',
        '*',
        '%',
      ]) {
        const { port } = new URL(url);
        const status = await raw(Number(port), `GET /sessions/${id}/x HTTP/1.1\r\nHost: x\r\n`);
        expect(status).toMatch(/^HTTP\/1.1 40[04] /);
      }
    }
  });

  it('smuggle nothing past a node', async () => {
    const [a, b] = [await fleet.start('fastify', bot), await fleet.start('express', bot)];
    const id = await run(a, b);
    const line = `POST /sessions/${id}/notes HTTP/1.1\r\nHost: x\r\n`;
    const port = Number(new URL(a.url).port);
    const inner = `GET /sessions/${id}/hidden HTTP/1.1\r\nHost: x\r\n\r\n`;
    const both = `Content-Length: ${inner.length + 5}\r\nTransfer-Encoding: chunked\r\n`;
    expect(await raw(port, line + both, `0\r\n\r\n${inner}`)).toMatch(/^HTTP\/1.1 400 /);
    expect(await raw(port, `${line}Transfer-Encoding : chunked\r\n`, '0\r\n\r\n')).toMatch(/ 400 /);
    expect(await raw(port, `${line}Content-Length: 5\r\nContent-Length: 6\r\n`, 'abcdef')).toMatch(
      / 400 /,
    );
    // Headers of the connection do not go on, and cannot take others away.
    const named = 'Connection: close, content-length, authorization, host\r\nContent-Length: 3\r\n';
    expect(await raw(port, line + named, 'abc')).toMatch(/^HTTP\/1.1 200 /);
    const old = line.replace('HTTP/1.1\r\nHost: x', 'HTTP/1.0\r\nContent-Length: 3');
    expect(await raw(port, old, 'abc')).toMatch(/^HTTP\/1.1 200 /);
    expect(asked.map(({ path, body }) => [path, body])).toEqual([
      ['/notes', 'abc'],
      ['/notes', 'abc'],
    ]);
  });

  it('hear of a dead node at once, however large the body, and nothing goes to who has its address', async () => {
    const a = await fleet.start('fastify', bot, { of: { leaseMs: 3_000 } });
    await fleet.start('express', bot, { of: { leaseMs: 3_000 } });
    const { child, id, listenAt } = await other(a);
    const url = `${a.url}/sessions/${id}/notes`;
    const ask = () => fetch(url, { headers: { authorization: 'Bearer key' } });
    expect((await ask()).status).toBe(409);
    child.kill('SIGKILL');
    await once(child, 'exit');
    // Somebody else has the address meanwhile, and says yes to everything.
    const seen: IncomingHttpHeaders[] = [];
    const somebody = createServer(({ headers }, answer) => {
      seen.push(headers);
      answer.writeHead(204, { 'x-pipecat-fleet-proof': 'yes' }).end();
    });
    somebody.listen(listenAt, '127.0.0.1');
    await once(somebody, 'listening');
    const dead = await ask();
    expect([dead.status, dead.headers.get('retry-after')]).toEqual([503, '5']);
    expect(seen.map(({ authorization }) => authorization)).toEqual([undefined]);
    somebody.closeAllConnections();
    somebody.close();
    const chunk = Buffer.alloc(65_536);
    let sent = 0;
    const endless = Readable.from(
      (async function* () {
        for (; sent < 1_000_000_000; sent += chunk.length) yield chunk;
      })(),
    );
    const upload = fetch(`${a.url}/sessions/${id}/files`, {
      method: 'POST',
      body: Readable.toWeb(endless) as ReadableStream,
      duplex: 'half',
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
    });
    expect((await upload.catch(() => ({ status: 503 }))).status).toBe(503);
    expect(sent).toBeLessThan(100_000_000);
    await until(async () => (await ask()).status === 404);
  });

  it('wait for a node that hangs no longer than for its bot', async () => {
    const limits = { sessionRequestTimeoutMs: 500, stopGraceMs: 0 };
    const a = await fleet.start('express', bot, { ...limits, of: { leaseMs: 20_000 } });
    const { child, id } = await other(a);
    const ask = () => fetch(`${a.url}/sessions/${id}/notes`);
    expect((await ask()).status).toBe(409);
    child.kill('SIGSTOP');
    try {
      const startMs = performance.now();
      const [held, more] = await Promise.all([ask(), sleep(50).then(ask)]);
      expect([held.status, more.status].sort()).toEqual([503, 504]);
      expect(performance.now() - startMs).toBeLessThan(9_000);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
});

/** Sends bytes as they are. @returns the status line of the answer */
async function raw(port: number, head: string, body = ''): Promise<string> {
  const socket = connectTcp(port, '127.0.0.1');
  socket.write(`${head}\r\n${body}`);
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return data.toString('latin1').split('\r\n', 1)[0]!;
}
