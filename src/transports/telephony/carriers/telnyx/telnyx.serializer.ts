import { type AudioCodec, L16 } from '../../../../media/codecs/audio-codec.js';
import { ALAW, MULAW } from '../../../../media/codecs/g711.js';
import { G722 } from '../../../../media/codecs/g722.js';
import { type JsonMessage, objectIn, textIn } from '../../../../media/serializers/json-message.js';
import { JsonCarrierSerializer } from '../json-carrier.serializer.js';
import type { InboundMedia } from '../../../../media/serializers/media-serializer.js';

/** Telnyx' names of the supported codecs. OPUS and AMR-WB are not supported. */
export const TELNYX_ENCODINGS = ['PCMU', 'PCMA', 'G722', 'L16'] as const;
export type TelnyxEncoding = (typeof TELNYX_ENCODINGS)[number];

/** Codecs of a Telnyx call. */
export interface TelnyxFormat {
  /** Codec of the audio from Telnyx. @default 'PCMU' */
  readonly from?: TelnyxEncoding;
  /** Codec of the audio to Telnyx. @default 'PCMU' */
  readonly to?: TelnyxEncoding;
  /** Sample rate of L16 from Telnyx, in Hz. @default 16_000 */
  readonly fromL16Hz?: number;
}

/** Sample rate of L16 to Telnyx, in Hz. */
export const TELNYX_L16_HZ = 16_000;

/**
 * Serializer for Telnyx media streaming in RTP mode (payloads without RTP headers):
 * https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket. Telnyx may reorder frames; they are used in arrival
 * order, as in Pipecat.
 */
export class TelnyxSerializer extends JsonCarrierSerializer {
  constructor({ from = 'PCMU', to = 'PCMU', fromL16Hz = TELNYX_L16_HZ }: TelnyxFormat = {}) {
    super({ codecs: { in: codecOf(from, fromL16Hz), out: codecOf(to, TELNYX_L16_HZ) } });
  }

  /** Reports Telnyx' error messages, the reason why audio is not played. */
  protected override readOther(event: string, message: JsonMessage): InboundMedia {
    if (event !== 'error') return super.readOther(event, message);
    const title = textIn(objectIn(message, 'payload'), 'title');
    return {
      kind: 'malformed',
      what: 'an error',
      detail: title && /^[a-z_ ]{1,40}$/i.test(title) ? title : undefined,
    };
  }
}

function codecOf(encoding: TelnyxEncoding, l16Hz: number): AudioCodec {
  if (encoding === 'G722') return new G722();
  if (encoding === 'L16') return new L16(l16Hz);
  return encoding === 'PCMA' ? ALAW : MULAW;
}
