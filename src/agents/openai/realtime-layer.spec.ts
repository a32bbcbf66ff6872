import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { WebSocket } from 'ws';
import { RtviClient } from '../../../test/support/rtvi-client.js';
import { createLayer, type TransportLayer } from './realtime-layer.js';
import type { RealtimeEvent, RealtimeModule } from './realtime-module.js';

interface LayerOptions {
  readonly createWebSocket: (to: { url: string; apiKey: string }) => Promise<WebSocket>;
}

/** The library's layer, as far as these tests need it. */
class FakeLayer extends EventEmitter {
  constructor(options: LayerOptions) {
    super();
    create = options.createWebSocket;
  }

  getCommonRequestHeaders = () => ({});

  sendEvent(event: RealtimeEvent): void {
    sent.push(event);
  }

  requestResponse(): void {
    this.sendEvent({ type: 'response.create' });
  }
}

const ignore = (): void => undefined;

let create: LayerOptions['createWebSocket'];
let sent: RealtimeEvent[];
let client: RtviClient;
let layer: TransportLayer;
beforeEach(() => {
  sent = [];
  client = new RtviClient();
  const module = { OpenAIRealtimeWebSocket: FakeLayer } as unknown as RealtimeModule;
  const events = { started: ignore, text: ignore, finished: ignore, stopped: ignore };
  layer = createLayer(module, client.transport, events);
});
afterEach(() => client.transport.close());

describe('events for an OpenAI model', () => {
  it('that is not there wait for it, a hundred and no more', () => {
    layer.emit('connection_change', 'disconnected');
    for (let i = 0; i < 100; i++) {
      expect(layer.takes(1)).toBe(true);
      layer.sendEvent({ type: 'x' });
    }
    expect(layer.takes(1)).toBe(false);
    expect(() => layer.sendEvent({ type: 'x' })).toThrow('Too much input waits for the model.');
    expect(sent).toEqual([]);
  });

  it('that answers nothing ask for a hundred responses and no more', () => {
    for (let i = 0; i < 100; i++) {
      expect(layer.takesText(1)).toBe(true);
      layer.requestResponse();
    }
    expect([layer.takesText(1), layer.takes(1)]).toEqual([false, true]);
    layer.emit('response.created', { response: { id: 'r' } });
    expect(layer.takesText(1)).toBe(true);
  });

  it('that reads nothing wait up to eight megabytes', async () => {
    const socket = await create({ url: 'ws://127.0.0.1:1', apiKey: 'x' });
    let bufferedAmount = 8_000_000;
    Object.defineProperty(socket, 'bufferedAmount', { get: () => bufferedAmount });
    layer.sendEvent({ type: 'x' });
    bufferedAmount++;
    expect(() => layer.sendEvent({ type: 'x' })).toThrow('Too much input waits for the model.');
    expect(sent).toHaveLength(1);
    socket.terminate();
  });
});
