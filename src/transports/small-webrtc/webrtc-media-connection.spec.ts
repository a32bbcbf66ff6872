import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Opus } from '../../media/codecs/opus.js';
import type { MediaConnectionEvents, MediaEnd } from '../../media/media-connection.js';
import type { SmallWebRTCConnection } from './small-webrtc-connection.js';
import { WebRtcMediaConnection } from './webrtc-media-connection.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** Media over a connection whose codecs are counted. */
async function open() {
  const freed = { decoder: jest.fn(), encoder: jest.fn() };
  const opus = {
    createDecoder: async () => ({ sampleRate: 48_000, free: freed.decoder }),
    createEncoder: async () => ({ encode: () => Buffer.alloc(1), free: freed.encoder }),
    Application: { Voip: 0 },
  } as unknown as Opus;
  const audio = Object.assign(new EventEmitter(), { send: jest.fn(), enabled: false });
  const disconnect = jest.fn();
  const connection = Object.assign(new EventEmitter(), { audio, disconnect, isConnected: false });
  const media = await WebRtcMediaConnection.create(
    opus,
    connection as unknown as SmallWebRTCConnection,
    undefined,
  );
  const ends: MediaEnd[] = [];
  const events: Partial<MediaConnectionEvents> = { disconnected: (end) => void ends.push(end) };
  media.open(events as MediaConnectionEvents);
  return { media, connection, audio, disconnect, freed, ends };
}

describe('the audio of a WebRTC connection', () => {
  it.each(['aborted', 'closed', 'peer_left'] as const)(
    'frees its codecs once, and its clock stops, when it ends as %s',
    async (reason) => {
      const { media, connection, audio, disconnect, freed, ends } = await open();
      expect(jest.getTimerCount()).toBe(1);
      jest.advanceTimersByTime(100);
      expect(audio.send).toHaveBeenCalled();
      const end = { reason, message: 'over' };
      if (reason !== 'peer_left') media.close(end);
      connection.emit('closed', end);
      media.close(end);
      expect(freed.decoder).toHaveBeenCalledTimes(1);
      expect(freed.encoder).toHaveBeenCalledTimes(1);
      expect(jest.getTimerCount()).toBe(0);
      expect(audio.listenerCount('packet')).toBe(0);
      expect(ends).toEqual([end]);
      expect(disconnect.mock.calls.length > 0).toBe(reason !== 'aborted');
    },
  );
});
