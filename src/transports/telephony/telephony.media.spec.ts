import { describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { CallData } from '../../bot/call-data.js';
import { WebSocketRunnerArguments } from '../../websocket/websocket-runner-arguments.js';
import { createTransport } from '../create-transport.js';
import './telephony.media.js';

describe('createTransport for a carrier that wants answers in time', () => {
  it('names the WebSocket class that gives them, for a socket of another', async () => {
    const websocket = new WebSocket('ws://127.0.0.1:1').on('error', () => undefined);
    const media = [{ type: 'audio', format: 'PCMU', channels: ['external'], rate: 8000 }];
    const call_data = new CallData({ stream_id: 's-1', media });
    const args = new WebSocketRunnerArguments({ websocket, transport_type: 'genesys', call_data });
    await expect(createTransport(args)).rejects.toThrow(
      'Calls of genesys need a RunnerWebSocket, which answers in time: new WebSocketServer({ WebSocket: RunnerWebSocket }).',
    );
  });
});
