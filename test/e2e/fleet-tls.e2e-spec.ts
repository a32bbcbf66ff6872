import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { type Certificates, makeCertificates } from '../support/certificates.js';
import { FLEET_SECRET } from '../support/fleet-node.js';
import { freePort } from '../support/free-port.js';
import { describeWith } from '../support/needs.js';
import { RedisServer } from '../support/redis-server.js';
import { spawnHost } from '../support/spawn-host.js';

const HOST = new URL('../support/fleet-host.js', import.meta.url);

describeWith('redis-server', 'openssl')('a fleet with certificates of a private authority', () => {
  let folder: string;
  let files: Certificates;
  let redis: RedisServer;
  let redisUrl: string;
  const children: ChildProcess[] = [];

  /** Starts a node that serves HTTPS. @param isTold false for one that does not know the authority */
  const start = async (isTold = true): Promise<string> => {
    const listenAt = await freePort();
    const url = `https://127.0.0.1:${listenAt}`;
    const settings = {
      ...{ listenAt, https: { key: files.key, cert: files.cert }, advertiseUrl: url },
      redis: isTold ? redisUrl : redis.url,
      ...{ secret: FLEET_SECRET, heartbeatMs: 200, leaseMs: 1_000 },
    };
    const env = isTold ? { NODE_EXTRA_CA_CERTS: files.ca } : {};
    const { child } = await spawnHost(HOST, settings, env);
    children.push(child);
    return url;
  };
  const ask = async (url: string, method: string, body = '') => {
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const asked = request(url, { method, headers, ca: readFileSync(files.ca), agent: false });
    const [response] = (await once(asked.end(body), 'response')) as [IncomingMessage];
    const json = JSON.parse(await text(response)) as Record<string, string>;
    return { status: response.statusCode, id: String(response.headers['x-session-id']), json };
  };
  /** Opens a session on one, and its socket on another. */
  const run = async (opener: string, owner: string) => {
    const { id, json } = await ask(
      `${opener}/start`,
      'POST',
      '{"transport":"websocket","body":{}}',
    );
    const url = `${owner.replace('https', 'wss')}/ws-client?token=${json.token}`;
    const socket = new WebSocket(url, { ca: readFileSync(files.ca) });
    await once(socket, 'message');
    return { id, socket };
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'certificates-'));
    files = makeCertificates(folder);
    const port = await freePort();
    redis = await RedisServer.start(
      ...['--tls-port', String(port), '--tls-auth-clients', 'no'],
      ...['--tls-ca-cert-file', files.ca, '--tls-cert-file', files.cert],
      ...['--tls-key-file', files.key],
    );
    redisUrl = `rediss://127.0.0.1:${port}`;
  });
  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
  afterAll(async () => {
    await redis.stop();
    rmSync(folder, { recursive: true });
  });

  it('passes requests on over HTTPS, with Redis over TLS', async () => {
    const [a, b] = [await start(), await start()];
    const { id, socket } = await run(a, b);
    const closed = once(socket, 'close');
    const { status, json } = await ask(`${a}/sessions/${id}`, 'DELETE');
    expect([status, json]).toEqual([200, { status: 'terminated', session_id: id }]);
    await closed;
  });

  it('answers 503 where a node does not know the authority', async () => {
    const [a, b] = [await start(), await start(false)];
    const { id, socket } = await run(b, a);
    const { status } = await ask(`${b}/sessions/${id}`, 'DELETE');
    expect(status).toBe(503);
    expect(socket.readyState).toBe(WebSocket.OPEN);
    socket.terminate();
  });
});
