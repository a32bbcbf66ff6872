import { bytesFromPcm } from '../pcm.js';
import {
  RTVI_LABEL,
  type JsonMessage,
  numberIn,
  objectIn,
  parseJsonMessage,
  decodeBase64,
} from './json-message.js';
import {
  framesAt,
  IGNORED,
  type InboundMedia,
  malformed,
  type MediaCapabilities,
  type MediaSerializer,
  noMessage,
  pcmAudio,
} from './media-serializer.js';

/** Rate at which the harness listens, so that it need not resample. */
const SAMPLE_RATE_HZ = 16_000;

/** True for the first message of an eval harness, by which it is known. */
export const isEvalConnect = (message: JsonMessage): boolean =>
  message.label === RTVI_LABEL &&
  message.type === 'client-message' &&
  objectIn(message, 'data').t === 'eval-connect';

/** RTVI as Pipecat's eval harness speaks it: JSON, audio too. Its own messages, such as `eval-context`, come as any `client-message`. */
export class EvalSerializer implements MediaSerializer {
  readonly capabilities: MediaCapabilities = {
    marks: 'estimated',
    remoteClear: false,
    dtmfIn: true,
    dtmfOut: false,
    messages: true,
  };
  readonly output = framesAt(SAMPLE_RATE_HZ);
  readonly isBinary = false;
  readonly clear = noMessage;
  readonly mark = noMessage;
  readonly dtmf = noMessage;

  /** @param options.capturesAudio whether the harness wants to hear the bot; otherwise it only reads what it says */
  constructor(private readonly options: { readonly capturesAudio: boolean }) {}

  read(data: Buffer, isBinary: boolean): InboundMedia {
    if (isBinary) return malformed('a binary message where text is due');
    const message = parseJsonMessage(data);
    if (message?.label !== RTVI_LABEL) return malformed('a message that is not RTVI');
    if (message.type === 'raw-audio') return readAudio(objectIn(message, 'data'));
    return isEvalConnect(message) ? IGNORED : { kind: 'message', message };
  }

  audio(pcm: Int16Array): string | undefined {
    if (!this.options.capturesAudio) return undefined;
    const audio = bytesFromPcm(pcm).toString('base64');
    return JSON.stringify({
      label: RTVI_LABEL,
      type: 'eval-bot-audio',
      data: { audio, sampleRate: SAMPLE_RATE_HZ },
    });
  }

  message(message: unknown): string {
    return JSON.stringify(message);
  }
}

function readAudio(data: JsonMessage): InboundMedia {
  const { base64Audio } = data;
  if (typeof base64Audio !== 'string') return malformed('audio without its samples');
  const bytes = decodeBase64(base64Audio);
  if (!bytes) return malformed('a payload that is not whole base64');
  return pcmAudio(bytes, numberIn(data, 'sampleRate'), numberIn(data, 'numChannels'));
}
