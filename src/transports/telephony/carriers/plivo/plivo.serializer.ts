import { MULAW } from '../../../../media/codecs/g711.js';
import { L16 } from '../../../../media/codecs/audio-codec.js';
import { type JsonMessage, textIn } from '../../../../media/serializers/json-message.js';
import { CARRIER_CAPABILITIES, JsonCarrierSerializer } from '../json-carrier.serializer.js';

/** Codecs of a Plivo call: the `contentType` of its `<Stream>`. */
export const PLIVO_CONTENT_TYPES = [
  'audio/x-mulaw;rate=8000',
  'audio/x-l16;rate=8000',
  'audio/x-l16;rate=16000',
] as const;
export type PlivoContentType = (typeof PLIVO_CONTENT_TYPES)[number];

/** Serializer for Plivo audio streaming: https://www.plivo.com/docs/voice-agents/audio-streaming/concepts/audio-streaming-reference. */
export class PlivoSerializer extends JsonCarrierSerializer {
  override readonly capabilities = { ...CARRIER_CAPABILITIES, dtmfOut: true };
  protected override readonly markEvent = 'playedStream';
  protected override readonly otherEvents = ['clearedAudio'];

  constructor(streamId: string, contentType: PlivoContentType) {
    const [type, rate] = contentType.split(';rate=') as [string, string];
    const codec = type === 'audio/x-l16' ? new L16(Number(rate)) : MULAW;
    super({
      codecs: { in: codec, out: codec },
      stream: { streamId },
      media: [
        `{"event":"playAudio","media":{"contentType":"${type}","sampleRate":${rate},"payload":"`,
        // Undocumented by Plivo; Pipecat sends the streamId at this place.
        `"},"streamId":${JSON.stringify(streamId)}}`,
      ],
    });
  }

  override clear(): string {
    return JSON.stringify({ event: 'clearAudio', ...this.stream });
  }

  override mark(name: string): string {
    return JSON.stringify({ event: 'checkpoint', ...this.stream, name });
  }

  override dtmf(digits: string): string {
    return JSON.stringify({ event: 'sendDTMF', dtmf: digits });
  }

  protected override markName(message: JsonMessage): string | undefined {
    return textIn(message, 'name');
  }
}
