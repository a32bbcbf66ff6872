import { isObject } from '../../../../validation/is-object.js';
import { MULAW } from '../../../../media/codecs/g711.js';
import { MediaUnavailableError } from '../../../../bot/session-end.js';
import {
  applicationMessage,
  objectIn,
  parseJsonMessage,
} from '../../../../media/serializers/json-message.js';
import {
  IGNORED,
  type InboundMedia,
  dtmfOf,
  malformed,
  type MediaCapabilities,
  type MediaSerializer,
} from '../../../../media/serializers/media-serializer.js';
import { CARRIER_CAPABILITIES } from '../json-carrier.serializer.js';

/** Media of a session, as AudioHook's `open` offers them and `opened` selects one. */
export interface GenesysMedia {
  readonly type: 'audio';
  readonly format: 'PCMU';
  /** `external` is the caller. Two channels are interleaved. */
  readonly channels: readonly ('external' | 'internal')[];
  readonly rate: 8000;
}

/** Samples per media message: 200 ms as in Pipecat, since Genesys accepts five messages a second. */
const MESSAGE_SAMPLES = 1_600;

/**
 * Serializer for AudioHook, version 2: https://developer.genesys.cloud/devapps/audiohook/protocol-reference. Audio is binary µ-law at 8 kHz. Control
 * messages are JSON, which {@link GenesysResponder} numbers.
 */
export class GenesysSerializer implements MediaSerializer {
  readonly capabilities: MediaCapabilities = { ...CARRIER_CAPABILITIES, marks: 'estimated' };
  readonly isBinary = true;
  readonly output = { sampleRateHz: MULAW.sampleRateHz, chunkSamples: MESSAGE_SAMPLES };
  private isPaused = false;
  private isEnding = false;
  private isClosed = false;

  /** @param id session id, repeated in each message */
  constructor(
    private readonly id: string,
    private readonly media: GenesysMedia,
  ) {}

  read(data: Buffer, isBinary: boolean): InboundMedia {
    if (isBinary) return this.readAudio(data);
    const message = parseJsonMessage(data);
    if (!message) return malformed('a message that is no JSON object');
    if (message.id !== this.id) return malformed('a message of another session');
    if (!isSequenceNumber(message.seq)) return malformed('a message without its number');
    switch (message.type) {
      case 'close':
        if (this.isClosed) return malformed('a second close');
        this.isClosed = this.isEnding = true;
        return { kind: 'stop' };
      case 'dtmf':
        return dtmfOf(objectIn(message, 'parameters').digit);
      case 'pause':
      case 'paused':
      case 'resume':
      case 'resumed':
        this.isPaused = message.type.startsWith('pause');
        return { kind: 'message', message };
      case 'update':
      case 'discarded':
        return { kind: 'message', message };
      case 'ping':
      case 'playback_started':
      case 'playback_completed':
        return IGNORED;
      case 'open':
        return malformed('a second start');
      case 'error': {
        const { code } = objectIn(message, 'parameters');
        const detail = typeof code === 'number' ? String(code) : undefined;
        return { kind: 'malformed', what: 'an error', detail };
      }
      default:
        return malformed('an unknown event');
    }
  }

  audio(pcm: Int16Array): Buffer | undefined {
    return this.isPaused || this.isEnding ? undefined : MULAW.encode(pcm);
  }

  /** Clears the playback buffer (barge-in). */
  clear(): string | undefined {
    if (this.isEnding) return undefined;
    const entities = [{ type: 'barge_in', data: {} }];
    return JSON.stringify({ version: '2', type: 'event', parameters: { entities } });
  }

  mark(): undefined {
    return undefined;
  }

  dtmf(): undefined {
    return undefined;
  }

  /** Sends protocol messages with a `version`, as Pipecat does. */
  message(message: unknown): string | undefined {
    const given = applicationMessage(message);
    if (given?.version === undefined || this.isEnding) return undefined;
    if (given.type === 'disconnect') this.isEnding = true;
    return JSON.stringify(given);
  }

  private readAudio(data: Buffer): InboundMedia {
    // Genesys may still send audio after that.
    if (this.isPaused || this.isEnding || data.length === 0) return IGNORED;
    const { channels } = this.media;
    if (data.length % channels.length !== 0) return malformed('audio that ends within a sample');
    const samples = MULAW.decode(data)!;
    const first = Math.max(0, channels.indexOf('external'));
    const pcm =
      channels.length === 1
        ? samples
        : samples.filter((_, index) => index % channels.length === first);
    return {
      kind: 'audio',
      pcm,
      sampleRateHz: MULAW.sampleRateHz,
      channels: 1,
      timestampMs: undefined,
    };
  }
}

/**
 * Selects the offered media with the fewest channels beside the caller.
 * @throws {MediaUnavailableError} when none is µ-law
 */
export function selectMedia(offered: unknown): GenesysMedia {
  const media = (Array.isArray(offered) ? offered : []).filter(isUsable);
  const hasCaller = media.filter(({ channels }) => channels.includes('external'));
  const [best] = (hasCaller.length > 0 ? hasCaller : media).sort(
    (one, other) => one.channels.length - other.channels.length,
  );
  if (best) return best;
  throw new MediaUnavailableError(
    'Genesys offers no audio that is understood here: PCMU at 8000 Hz, of the channels external and internal.',
  );
}

/** In AudioHook it fits 31 bits, and is 1 at least. */
export const isSequenceNumber = (seq: unknown): seq is number =>
  typeof seq === 'number' && Number.isInteger(seq) && seq > 0 && seq < 2 ** 31;

function isUsable(offered: unknown): offered is GenesysMedia {
  if (!isObject(offered)) return false;
  const { type, format, rate, channels } = offered;
  return (
    type === 'audio' &&
    format === 'PCMU' &&
    rate === 8_000 &&
    Array.isArray(channels) &&
    (channels.length === 1 || channels.length === 2) &&
    channels.every((channel) => channel === 'external' || channel === 'internal')
  );
}
