import { getEventListeners, once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { WebSocket, WebSocketServer } from 'ws';
import { RunnerWebSocket } from '../../websocket/runner-web-socket.js';
import { CallData } from '../../bot/call-data.js';
import { BUILT_IN } from './carriers/index.js';
import { detectedCarrier, parseTelephonyWebSocket } from './parse-telephony-websocket.js';

let wss: WebSocketServer;
beforeEach(async () => {
  wss = new WebSocketServer({ port: 0, host: '127.0.0.1', WebSocket: RunnerWebSocket });
  await once(wss, 'listening');
});
afterEach(() => {
  wss.clients.forEach((client) => client.terminate());
  wss.close();
});

async function pair(): Promise<{ client: WebSocket; server: RunnerWebSocket }> {
  wss.once('connection', (socket: RunnerWebSocket) => socket.hold());
  const connection = once(wss, 'connection');
  const client = new WebSocket(`ws://127.0.0.1:${(wss.address() as AddressInfo).port}`);
  const [server] = (await connection) as [RunnerWebSocket];
  await once(client, 'open');
  return { client, server };
}

const twilio = JSON.stringify({ event: 'start', start: { streamSid: 'MZ1', callSid: 'CA1' } });

/** With a parameter of so many characters. */
const twilioWith = (length: number) =>
  JSON.stringify({
    event: 'start',
    start: {
      streamSid: 'MZ1',
      callSid: 'CA1',
      customParameters: { text: 'x'.repeat(length) },
    },
  });

describe('parseTelephonyWebSocket', () => {
  it('leaves no timer, and no listener on the signal', async () => {
    const { client, server } = await pair();
    const { signal } = new AbortController();
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    try {
      const detected = parseTelephonyWebSocket(server, { signal, timeoutMs: 60_000 });
      expect(getEventListeners(signal, 'abort')).toHaveLength(1);
      client.send(twilio);
      await detected;
      expect(getEventListeners(signal, 'abort')).toHaveLength(0);
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  it('takes one message if that says it all, and leaves the rest', async () => {
    const { client, server } = await pair();
    client.send(twilio);
    client.send('media');
    await expect(parseTelephonyWebSocket(server)).resolves.toMatchObject({
      transport_type: 'twilio',
      call_data: { stream_id: 'MZ1', call_id: 'CA1', body: {} },
    });
    const [next] = (await once(server, 'message')) as [Buffer];
    expect(next.toString()).toBe('media');
  });

  it.each(['twilio', 'telnyx', 'vonage', 'genesys'])(
    'takes no prototype from a parameter of %s',
    async (name) => {
      const parameters = '{"__proto__":{"admin":true},"constructor":"c","a":"1"}';
      const more = parameters.slice(1, -1);
      const starts: Record<string, string> = {
        twilio: `{"event":"start","start":{"streamSid":"s","callSid":"c","customParameters":${parameters}}}`,
        telnyx: `{"event":"start","stream_id":"s","start":{"call_control_id":"c","custom_parameters":${parameters},"media_format":{"encoding":"PCMU"}}}`,
        vonage: `{"event":"websocket:connected","content-type":"audio/l16;rate=8000",${more}}`,
        genesys: `{"version":"2","type":"open","id":"s","parameters":{"inputVariables":${parameters}}}`,
      };
      const { client, server } = await pair();
      client.send(starts[name]!);
      const { transport_type, call_data } = await parseTelephonyWebSocket(server);
      expect(transport_type).toBe(name);
      expect(Object.keys(call_data.body)).toEqual(['constructor', 'a']);
      const copy: Record<string, unknown> = Object.assign({}, call_data.body);
      expect(copy.admin).toBeUndefined();
    },
  );

  it('takes as many parameters as any carrier passes on', async () => {
    const { client, server } = await pair();
    client.send(twilioWith(16_000));
    await expect(parseTelephonyWebSocket(server)).resolves.toMatchObject({
      transport_type: 'twilio',
      call_data: { body: { text: 'x'.repeat(16_000) } },
    });
  });

  it('gives the same again without taking anything', async () => {
    const { client, server } = await pair();
    client.send('{"event":"connected"}');
    client.send(twilio);
    client.send('media');
    const [first, second] = await Promise.all([
      parseTelephonyWebSocket(server),
      parseTelephonyWebSocket(server),
    ]);
    expect(second).toBe(first);
    expect(await parseTelephonyWebSocket(server)).toBe(first);
    const [next] = (await once(server, 'message')) as [Buffer];
    expect(next.toString()).toBe('media');
  });

  it.each([
    ['two that are nobody’s', ['{}', '{"event":"hello"}']],
    ['two that are not JSON', ['hello', '{']],
    ['binary', [Buffer.from(twilio), Buffer.from(twilio)]],
    ['JSON that is no object', ['null', '[1]']],
    ['two that are longer than any carrier’s', [twilioWith(16_384), twilioWith(16_384)]],
  ])('is unknown after %s', async (_, messages) => {
    const { client, server } = await pair();
    messages.forEach((message) => client.send(message));
    const { transport_type, call_data } = await parseTelephonyWebSocket(server);
    expect(transport_type).toBe('unknown');
    expect({ ...call_data }).toEqual({ body: {} });
  });

  it('is unknown when the connection closes after one message', async () => {
    const { client, server } = await pair();
    const parsed = parseTelephonyWebSocket(server);
    client.send('{}');
    client.close();
    await expect(parsed).resolves.toMatchObject({ transport_type: 'unknown' });
  });

  it('fails when the connection closes before the first message, also when it had closed already', async () => {
    const { client, server } = await pair();
    const parsed = parseTelephonyWebSocket(server);
    client.close();
    await expect(parsed).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(parseTelephonyWebSocket(server)).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('knows carriers of the host, from then on', async () => {
    const { client, server } = await pair();
    const acme = {
      ...BUILT_IN.find('twilio')!,
      name: 'acme',
      identify: ({ acme: id }: Record<string, unknown>) =>
        typeof id === 'string' ? new CallData({ stream_id: id }) : undefined,
    };
    client.send('{"acme":"line-1"}');
    await expect(parseTelephonyWebSocket(server, { carriers: [acme] })).resolves.toMatchObject({
      transport_type: 'acme',
      call_data: { stream_id: 'line-1' },
    });
    await expect(detectedCarrier(server)).resolves.toBe(acme);
  });

  it('fails when the wait ends, and can then be tried again', async () => {
    const { client, server } = await pair();
    await expect(parseTelephonyWebSocket(server, { timeoutMs: 1 })).rejects.toMatchObject({
      code: 'TIMED_OUT',
    });
    await expect(
      parseTelephonyWebSocket(server, { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: 'ABORTED' });
    const controller = new AbortController();
    const waiting = parseTelephonyWebSocket(server, { signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
    client.send(twilio);
    await expect(parseTelephonyWebSocket(server)).resolves.toMatchObject({
      transport_type: 'twilio',
    });
    expect(server.listenerCount('message')).toBe(0);
  });
});
