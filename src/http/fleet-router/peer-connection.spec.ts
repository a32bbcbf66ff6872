import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Hops } from './hops.js';
import { PeerConnections } from './peer-connection.js';
import { openDoor } from './peer-door.js';
import type { PeerNode, Peers } from './peers.js';

describe('connections to the nodes of a large fleet', () => {
  const hops = new Hops([randomBytes(32)]);
  const server = createServer();
  let connections: PeerConnections;
  let node: PeerNode;
  beforeEach(async () => {
    openDoor(server, { name: 'a', hops } as Peers);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    node = { name: 'a', url: `http://127.0.0.1:${port}` };
    connections = new PeerConnections(hops);
  });
  afterEach(() => {
    connections.close();
    server.closeAllConnections();
    server.close();
  });

  const ask = async (): Promise<{ answer: Promise<string>; held: ServerResponse }> => {
    const request = get(node.url, { agent: connections.agentOf(node) });
    const answer = once(request, 'response').then(([response]) =>
      text(response as IncomingMessage),
    );
    const [, held] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
    return { answer, held };
  };

  let met = 0;
  const meet = (count: number): void => {
    for (let left = count; left > 0; left--) {
      connections.agentOf({ ...node, name: `other-${met++}` });
    }
  };

  it('are not cut under a request when further nodes are met', async () => {
    const { answer, held } = await ask();
    meet(600);
    held.end('answered');
    expect(await answer).toBe('answered');
    // Nothing is kept for a node that was forgotten.
    await once(held.req.socket, 'close');
  });

  it('are kept to a node that is asked again and again', async () => {
    const first = await ask();
    first.held.end();
    await first.answer;
    for (let times = 0; times < 3; times++) {
      meet(400);
      const { answer, held } = await ask();
      expect(held.req.socket).toBe(first.held.req.socket);
      held.end();
      await answer;
    }
  });

  it('are kept to the last 500 nodes', () => {
    const first = connections.agentOf(node);
    meet(499);
    expect(connections.agentOf(node)).toBe(first);
    meet(500);
    expect(connections.agentOf(node)).not.toBe(first);
  });

  it('are 32 to a node that is asked nothing, however many there were', async () => {
    const asked: Awaited<ReturnType<typeof ask>>[] = [];
    while (asked.length < 40) asked.push(await ask());
    for (const { held } of asked) held.end();
    await Promise.all(asked.map(({ answer }) => answer));
    await nextTurn();
    const { freeSockets } = connections.agentOf(node);
    expect(Object.values(freeSockets).flat()).toHaveLength(32);
  });

  it('are given up where the answer to the first question has no end', async () => {
    const endless = createTcpServer((socket: Socket) => {
      socket.on('error', () => undefined);
      socket.write(`HTTP/1.1 204 No Content\r\nx: ${'x'.repeat(8_192)}`);
    });
    await once(endless.listen(0, '127.0.0.1'), 'listening');
    const { port } = endless.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    await expect(connections.dial({ name: 'b', url })).rejects.toThrow(/the answer is too long$/);
    endless.close();
  });

  it.each([
    ['nobody listens', () => 'http://127.0.0.1:1', /: connect ECONNREFUSED 127\.0\.0\.1:1$/],
    ['somebody else is', () => node.url, /: it is not the node that is meant$/],
  ])('tell why they cannot be had where %s', async (_, url, why) => {
    server.once('request', (_request, response: ServerResponse) => response.end());
    await expect(connections.dial({ name: 'b', url: url() })).rejects.toThrow(why);
  });
});
