import { MULAW } from '../codecs/g711.js';
import { CarrierSerializer } from './carrier.serializer.js';

/** Twilio Media Streams, both ways: https://www.twilio.com/docs/voice/media-streams/websocket-messages. */
export class TwilioSerializer extends CarrierSerializer {
  private readonly id: string;

  constructor(streamSid: string) {
    super({ in: MULAW, out: MULAW });
    this.id = JSON.stringify(streamSid);
  }

  clear(): string {
    return `{"event":"clear","streamSid":${this.id}}`;
  }

  mark(name: string): string {
    return `{"event":"mark","streamSid":${this.id},"mark":{"name":${JSON.stringify(name)}}}`;
  }

  protected media(payload: string): string {
    return `{"event":"media","streamSid":${this.id},"media":{"payload":"${payload}"}}`;
  }
}
