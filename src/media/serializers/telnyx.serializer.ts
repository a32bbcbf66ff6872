import type { AudioCodec } from '../codecs/audio-codec.js';
import { ALAW, MULAW } from '../codecs/g711.js';
import { G722 } from '../codecs/g722.js';
import { L16 } from '../codecs/l16.js';
import { asJson } from './carrier-message.js';
import { CarrierSerializer } from './carrier.serializer.js';

/** What Telnyx calls the codecs that are understood here; it also has OPUS and AMR-WB. */
export const TELNYX_ENCODINGS = ['PCMU', 'PCMA', 'G722', 'L16'] as const;
export type TelnyxEncoding = (typeof TELNYX_ENCODINGS)[number];

/** How a Telnyx call is coded. */
export interface TelnyxFormat {
  /** What Telnyx sends. @default 'PCMU' */
  readonly from?: TelnyxEncoding;
  /** What Telnyx takes. @default 'PCMU' */
  readonly to?: TelnyxEncoding;
  /** The rate at which Telnyx sends L16, in Hz. @default 16_000 */
  readonly fromL16Hz?: number;
}

/** The rate at which Telnyx is sent L16, in Hz. */
export const TELNYX_L16_HZ = 16_000;

/**
 * Telnyx media streaming in RTP mode (payloads without RTP headers):
 * https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket.
 */
export class TelnyxSerializer extends CarrierSerializer {
  protected override readonly otherEvents = ['connected', 'error'];

  constructor({ from = 'PCMU', to = 'PCMU', fromL16Hz = TELNYX_L16_HZ }: TelnyxFormat = {}) {
    super({
      codecs: { in: codecOf(from, fromL16Hz), out: codecOf(to, TELNYX_L16_HZ) },
      media: ['{"event":"media","media":{"payload":"', '"}}'],
    });
  }

  clear(): Buffer {
    return asJson({ event: 'clear' });
  }

  mark(name: string): Buffer {
    return asJson({ event: 'mark', mark: { name } });
  }
}

function codecOf(encoding: TelnyxEncoding, l16Hz: number): AudioCodec {
  if (encoding === 'G722') return new G722();
  if (encoding === 'L16') return new L16(l16Hz);
  return encoding === 'PCMA' ? ALAW : MULAW;
}
