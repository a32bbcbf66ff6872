import { MULAW } from '../codecs/g711.js';
import { L16 } from '../codecs/l16.js';
import { asJson, type CarrierMessage, textIn } from './carrier-message.js';
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

  constructor(
    private readonly streamId: string,
    contentType: PlivoContentType,
  ) {
    const [type, rate] = contentType.split(';rate=') as [string, string];
    const codec = type === 'audio/x-l16' ? new L16(Number(rate)) : MULAW;
    super({
      codecs: { in: codec, out: codec },
      media: [
        `{"event":"playAudio","media":{"contentType":"${type}","sampleRate":${rate},"payload":"`,
        // Plivo's pages have no streamId here; Pipecat sends it, at this place.
        `"},"streamId":${JSON.stringify(streamId)}}`,
      ],
    });
  }

  clear(): Buffer {
    return asJson({ event: 'clearAudio', streamId: this.streamId });
  }

  mark(name: string): Buffer {
    return asJson({ event: 'checkpoint', streamId: this.streamId, name });
  }

  override dtmf(digits: string): Buffer {
    return asJson({ event: 'sendDTMF', dtmf: digits });
  }

  protected override markName(message: CarrierMessage): string | undefined {
    return textIn(message, 'name');
  }
}
