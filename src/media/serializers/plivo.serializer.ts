import { MULAW } from '../codecs/g711.js';
import { L16 } from '../codecs/l16.js';
import { type CarrierMessage, textIn } from './carrier-message.js';
import { CarrierSerializer } from './carrier.serializer.js';
import type { MediaCapabilities } from './media-serializer.js';

/** How a Plivo call is coded: the `contentType` of its `<Stream>`. */
export const PLIVO_CONTENT_TYPES = [
  'audio/x-mulaw;rate=8000',
  'audio/x-l16;rate=8000',
  'audio/x-l16;rate=16000',
] as const;
export type PlivoContentType = (typeof PLIVO_CONTENT_TYPES)[number];

/** Plivo audio streaming, both ways: https://www.plivo.com/docs/voice-agents/audio-streaming/concepts/audio-streaming-reference. */
export class PlivoSerializer extends CarrierSerializer {
  override readonly capabilities: MediaCapabilities = {
    marks: 'confirmed',
    remoteClear: true,
    dtmfIn: true,
    dtmfOut: true,
    messages: false,
  };
  protected override readonly markEvent = 'playedStream';
  protected override readonly otherEvents = ['clearedAudio'];
  private readonly id: string;
  private readonly beforePayload: string;

  constructor(streamId: string, contentType: PlivoContentType) {
    const [type, rate] = contentType.split(';rate=') as [string, string];
    const codec = type === 'audio/x-l16' ? new L16(Number(rate)) : MULAW;
    super({ in: codec, out: codec });
    this.id = JSON.stringify(streamId);
    this.beforePayload = `{"event":"playAudio","media":{"contentType":"${type}","sampleRate":${rate},"payload":"`;
  }

  clear(): string {
    return `{"event":"clearAudio","streamId":${this.id}}`;
  }

  mark(name: string): string {
    return `{"event":"checkpoint","streamId":${this.id},"name":${JSON.stringify(name)}}`;
  }

  override dtmf(digits: string): string {
    return `{"event":"sendDTMF","dtmf":${JSON.stringify(digits)}}`;
  }

  // Plivo's pages have no streamId here; Pipecat sends it, at this place.
  protected media(payload: string): string {
    return `${this.beforePayload}${payload}"},"streamId":${this.id}}`;
  }

  protected override markName(message: CarrierMessage): string | undefined {
    return textIn(message, 'name');
  }
}
