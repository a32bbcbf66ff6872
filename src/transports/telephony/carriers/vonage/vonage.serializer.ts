import { L16 } from '../../../../media/codecs/audio-codec.js';
import {
  applicationMessage,
  objectIn,
  parseJsonMessage,
  textIn,
} from '../../../../media/serializers/json-message.js';
import {
  framesAt,
  IGNORED,
  type InboundMedia,
  dtmfOf,
  malformed,
  type MediaSerializer,
  type OutputFormat,
} from '../../../../media/serializers/media-serializer.js';
import { CARRIER_CAPABILITIES } from '../json-carrier.serializer.js';

/** Serializer for Vonage's WebSockets: binary 16-bit PCM in frames of 20 ms; events and commands in JSON. */
export class VonageSerializer implements MediaSerializer {
  readonly capabilities = CARRIER_CAPABILITIES;
  readonly isBinary = true;
  readonly output: OutputFormat;
  private readonly codec: L16;

  constructor(sampleRateHz: number) {
    this.codec = new L16(sampleRateHz);
    this.output = framesAt(sampleRateHz);
  }

  read(data: Buffer, isBinary: boolean): InboundMedia {
    if (isBinary) return this.readAudio(data);
    const message = parseJsonMessage(data);
    if (!message) return malformed('a message that is no JSON object');
    switch (message.event) {
      case 'websocket:dtmf':
        // Some Vonage services nest it.
        return dtmfOf(message.digit ?? objectIn(message, 'dtmf').digit);
      case 'websocket:notify': {
        const name = textIn(objectIn(message, 'payload'), 'mark');
        return name === undefined ? { kind: 'message', message } : { kind: 'mark', name };
      }
      // Mute and unmute.
      case 'websocket:media:update':
        return { kind: 'message', message };
      case 'websocket:disconnected':
        return { kind: 'stop' };
      case 'websocket:cleared':
        return IGNORED;
      case 'websocket:connected':
        return malformed('a second start');
      default:
        return malformed('an unknown event');
    }
  }

  audio(pcm: Int16Array): Buffer {
    return this.codec.encode(pcm);
  }

  clear(): string {
    return '{"action":"clear"}';
  }

  mark(name: string): string {
    return JSON.stringify({ action: 'notify', payload: { mark: name } });
  }

  dtmf(): undefined {
    return undefined;
  }

  message(message: unknown): string | undefined {
    return JSON.stringify(applicationMessage(message));
  }

  private readAudio(data: Buffer): InboundMedia {
    const pcm = this.codec.decode(data);
    if (!pcm) return malformed('a payload that ends within a sample');
    if (pcm.length === 0) return IGNORED;
    const { sampleRateHz } = this.codec;
    return { kind: 'audio', pcm, sampleRateHz, channels: 1, timestampMs: undefined };
  }
}
