import { L16 } from '../codecs/l16.js';
import { CarrierSerializer } from './carrier.serializer.js';

/** The least Exotel takes in a message, in bytes; more must be a multiple of 320, and less than 100 kB. */
const MESSAGE_BYTES = 3_200;

/** Exotel's Voicebot applet, 16-bit samples at 8, 16 or 24 kHz: https://developer.exotel.com/docs/agentstream/stream-voicebot-applet. */
export class ExotelSerializer extends CarrierSerializer {
  private readonly id: string;

  constructor(streamSid: string, sampleRateHz: number) {
    const codec = new L16(sampleRateHz);
    super({ in: codec, out: codec }, MESSAGE_BYTES / 2);
    this.id = JSON.stringify(streamSid);
  }

  clear(): string {
    return `{"event":"clear","stream_sid":${this.id}}`;
  }

  mark(name: string): string {
    return `{"event":"mark","stream_sid":${this.id},"mark":{"name":${JSON.stringify(name)}}}`;
  }

  protected media(payload: string): string {
    return `{"event":"media","stream_sid":${this.id},"media":{"payload":"${payload}"}}`;
  }
}
