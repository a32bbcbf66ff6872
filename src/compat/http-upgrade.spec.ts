import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, it } from '@jest/globals';
import { goOnWithoutUpgrade, isToWebSocket } from './http-upgrade.js';

it('a request that offers HTTP/2 is answered in its turn by a server with upgrades', async () => {
  const seen: [url: string | undefined, upgrade: string | undefined, body: string][] = [];
  const http = createServer((request, response) => {
    void text(request).then((body) => {
      seen.push([request.url, request.headers.upgrade, body]);
      // An answer that is being written when the next request comes.
      setTimeout(() => response.end(`answer to ${request.url}`), 50);
    });
  });
  http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    expect(isToWebSocket(request)).toBe(false);
    goOnWithoutUpgrade(http, request, socket, head);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const socket = connect((http.address() as AddressInfo).port, '127.0.0.1');
  socket.write(
    'GET /first HTTP/1.1\r\nHost: x\r\n\r\n' +
      'POST /second HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n' +
      'HTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 4\r\n\r\nbody',
  );
  const answers = await text(socket);
  expect(answers.match(/answer to \/(first|second)/g)).toEqual([
    'answer to /first',
    'answer to /second',
  ]);
  expect(seen).toEqual([
    ['/first', undefined, ''],
    ['/second', undefined, 'body'],
  ]);
  http.close();
});
