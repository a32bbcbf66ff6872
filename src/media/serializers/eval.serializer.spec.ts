import { describe, expect, it } from '@jest/globals';
import { EvalSerializer } from './eval.serializer.js';
import type { InboundMedia } from './media-serializer.js';

const serializer = new EvalSerializer({ capturesAudio: true });
const read = (message: unknown): InboundMedia =>
  serializer.read(Buffer.from(JSON.stringify(message)), false);
const audio = (data: object): InboundMedia =>
  read({ label: 'rtvi-ai', type: 'raw-audio', id: '1', data });

describe('the messages of an eval', () => {
  it('are RTVI, in text', () => {
    const message = { label: 'rtvi-ai', type: 'send-text', id: '1', data: { content: 'hi' } };
    expect(read(message)).toEqual({ kind: 'message', message });
    expect(JSON.parse(serializer.message(message).toString())).toEqual(message);
    expect(serializer.isBinary).toBe(false);
  });

  it('begin with one that is not for the bot', () => {
    const data = { t: 'eval-connect', d: {} };
    expect(read({ label: 'rtvi-ai', type: 'client-message', id: '1', data }).kind).toBe('ignored');
  });

  it('carry audio, of any rate', () => {
    const base64Audio = Buffer.from('0100ff7f00800000', 'hex').toString('base64');
    expect(audio({ base64Audio, sampleRate: 44_100, numChannels: 2 })).toEqual({
      kind: 'audio',
      pcm: Int16Array.of(1, 32_767, -32_768, 0),
      sampleRateHz: 44_100,
      channels: 2,
      timestampMs: undefined,
    });
    expect(audio({ base64Audio: '', sampleRate: 16_000, numChannels: 1 }).kind).toBe('ignored');
  });

  it('carry the voice of the bot to who listens', () => {
    const pcm = Int16Array.of(1, -32_768);
    expect(JSON.parse(serializer.audio(pcm)!.toString())).toEqual({
      label: 'rtvi-ai',
      type: 'eval-bot-audio',
      data: { audio: Buffer.from('01000080', 'hex').toString('base64'), sampleRate: 16_000 },
    });
    expect(new EvalSerializer({ capturesAudio: false }).audio(pcm)).toBeUndefined();
  });

  it.each([
    [{ type: 'send-text' }, 'a message that is not RTVI'],
    [[], 'a message that is not RTVI'],
    [null, 'a message that is not RTVI'],
  ])('%j is malformed', (message, what) => {
    expect(read(message)).toEqual({ kind: 'malformed', what });
  });

  it.each([
    [{}, 'audio without its samples'],
    [{ base64Audio: 7 }, 'audio without its samples'],
    [{ base64Audio: 'AAA' }, 'a payload that is not whole base64'],
    [{ base64Audio: 'AAAA', numChannels: 1 }, 'audio without a usable sample rate'],
    [{ base64Audio: 'AAAA', sampleRate: 8_000.5 }, 'audio without a usable sample rate'],
    [{ base64Audio: 'AAAA', sampleRate: 1e9 }, 'audio without a usable sample rate'],
    [{ base64Audio: 'AAAA', sampleRate: 8_000 }, 'audio without a usable number of channels'],
    [
      { base64Audio: 'AAAA'.repeat(6), sampleRate: 8_000, numChannels: 9 },
      'audio without a usable number of channels',
    ],
    [{ base64Audio: 'AAAA', sampleRate: 8_000, numChannels: 1 }, 'audio that ends within a sample'],
  ])('audio of %j is malformed', (data, what) => {
    expect(audio(data)).toEqual({ kind: 'malformed', what });
  });

  it('are never binary', () => {
    expect(serializer.read(Buffer.of(1), true).kind).toBe('malformed');
  });
});
