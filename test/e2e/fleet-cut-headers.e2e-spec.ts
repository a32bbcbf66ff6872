import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { BotLauncher, WebSocketRunnerArguments } from '../../src/index.js';
import { FleetApps } from '../support/fleet-apps.js';
import { describeWith } from '../support/needs.js';
import { connect, nextText, post } from '../support/runner-app.js';

/** More headers than Node keeps of a request. What comes after them has an effect on the connection, and is seen by nobody. */
const MANY = 'a:\r\n'.repeat(1_100);

describeWith('redis-server')('more headers than Node keeps', () => {
  let fleet: FleetApps;
  let asked: { from: string | null; body: string }[];
  beforeEach(async () => {
    asked = [];
    fleet = await FleetApps.begin();
  });
  afterEach(() => fleet.end());

  const bot: BotLauncher['launch'] = async (args, session) => {
    session.onRequest(async (request) => {
      asked.push({ from: request.headers.get('x-forwarded-for'), body: await request.text() });
      return new Response('seen');
    });
    session.ready();
    (args as WebSocketRunnerArguments).websocket.send('ready');
    await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
  };

  /** Sends bytes as they are. @returns all that is answered */
  const raw = async (url: string, sent: string): Promise<string> => {
    const socket = connectTcp(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(sent);
    return text(socket);
  };

  it('open no client a connection between nodes', async () => {
    const a = await fleet.start('fastify', bot, { of: { roles: [] } });
    await fleet.start('express', bot);
    const upgrade = `GET /ws-client HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n${MANY}Connection: Upgrade\r\n\r\n`;
    const hidden = 'GET /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    const answers = await raw(a.url, upgrade + hidden);
    expect(answers.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 400']);
  });

  it('hide neither a client nor its body from the node that it is passed on to', async () => {
    const [a, b] = [await fleet.start('fastify', bot), await fleet.start('express', bot)];
    const { sessionId, json } = await post(`${a.url}/start`, { transport: 'websocket' });
    const socket = await connect(`${b.wsUrl}/ws-client?token=${String(json.token)}`);
    await nextText(socket);
    const line = `POST /sessions/${sessionId}/notes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`;
    await raw(a.url, `${line}X-Forwarded-For: 203.0.113.7\r\nContent-Length: 3\r\n${MANY}\r\nabc`);
    expect(asked).toEqual([{ from: '203.0.113.7, 127.0.0.1', body: 'abc' }]);
    socket.close();
    await once(socket, 'close');
  });
});
