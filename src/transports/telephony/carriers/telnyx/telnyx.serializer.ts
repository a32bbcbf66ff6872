import { type AudioCodec, type ByteOrder, L16 } from '../../../../media/codecs/audio-codec.js';
import { ALAW, MULAW } from '../../../../media/codecs/g711.js';
import { G722 } from '../../../../media/codecs/g722.js';
import {
  type JsonMessage,
  numberIn,
  objectIn,
  textIn,
} from '../../../../media/serializers/json-message.js';
import { JsonCarrierSerializer } from '../json-carrier.serializer.js';
import { IGNORED, type InboundMedia } from '../../../../media/serializers/media-serializer.js';
import { ReorderBuffer } from './reorder-buffer.js';

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
  /** Byte order of L16, both ways. @default 'little' */
  readonly l16ByteOrder?: ByteOrder;
}

type Frame = readonly [bytes: Buffer, media: JsonMessage];

/** Sample rate of L16 to Telnyx, in Hz. */
export const TELNYX_L16_HZ = 16_000;

/**
 * Serializer for Telnyx media streaming in RTP mode (payloads without RTP headers):
 * https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket. Telnyx does not guarantee the order of frames; they are put
 * in order by their `chunk`.
 */
export class TelnyxSerializer extends JsonCarrierSerializer {
  private readonly order = new ReorderBuffer<Frame>();

  constructor({ from = 'PCMU', to = 'PCMU', fromL16Hz, l16ByteOrder }: TelnyxFormat = {}) {
    super({
      codecs: {
        in: codecOf(from, fromL16Hz, l16ByteOrder),
        out: codecOf(to, TELNYX_L16_HZ, l16ByteOrder),
      },
    });
  }

  /** Decodes the frames that are due, in one piece. */
  protected override decode(bytes: Buffer, media: JsonMessage): InboundMedia {
    return this.decodeAll(this.order.add(numberIn(media, 'chunk'), [bytes, media]));
  }

  get waiting(): number {
    return this.order.size;
  }

  takeWaiting(): InboundMedia {
    return this.decodeAll(this.order.takeAll());
  }

  private decodeAll(due: readonly Frame[]): InboundMedia {
    const [first = IGNORED, ...more] = due.map((frame) => super.decode(...frame));
    return more.reduce(joined, first);
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

/** Appends audio to audio. Anything else is malformed. */
function joined(media: InboundMedia, next: InboundMedia): InboundMedia {
  if (media.kind !== 'audio') return next;
  if (next.kind !== 'audio') return media;
  const pcm = new Int16Array(media.pcm.length + next.pcm.length);
  pcm.set(media.pcm);
  pcm.set(next.pcm, media.pcm.length);
  return { ...media, pcm };
}

function codecOf(
  encoding: TelnyxEncoding,
  l16Hz = TELNYX_L16_HZ,
  l16ByteOrder?: ByteOrder,
): AudioCodec {
  if (encoding === 'G722') return new G722();
  if (encoding === 'L16') return new L16(l16Hz, l16ByteOrder);
  return encoding === 'PCMA' ? ALAW : MULAW;
}
