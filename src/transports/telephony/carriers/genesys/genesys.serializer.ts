import { MULAW } from '../../../../media/codecs/g711.js';
import { MediaUnavailableError } from '../../../../bot/session-end.js';
import {
  applicationMessage,
  type JsonMessage,
  objectIn,
  parseJsonMessage,
} from '../../../../media/serializers/json-message.js';
import {
  IGNORED,
  type InboundMedia,
  isDtmfDigit,
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
 * messages are JSON with gapless sequence numbers, and the last number received from the other side.
 */
export class GenesysSerializer implements MediaSerializer {
  readonly capabilities: MediaCapabilities = { ...CARRIER_CAPABILITIES, marks: 'estimated' };
  readonly isBinary = true;
  readonly output = { sampleRateHz: MULAW.sampleRateHz, chunkSamples: MESSAGE_SAMPLES };
  private seq = 0;
  /** Sequence number of `open`, which the handshake has consumed. */
  private clientseq = 1;
  private isPaused = false;
  private isEnding = false;
  private isClosed = false;

  /** @param id session id, repeated in each message */
  constructor(
    private readonly id: string,
    private readonly media: GenesysMedia,
  ) {}

  open(): string {
    return this.write({ type: 'opened', parameters: { startPaused: false, media: [this.media] } });
  }

  read(data: Buffer, isBinary: boolean): InboundMedia {
    if (isBinary) return this.readAudio(data);
    const message = parseJsonMessage(data);
    return message ? this.readMessage(message) : malformed('a message that is no JSON object');
  }

  /** Reads a control message. Never throws. */
  readMessage(message: JsonMessage): InboundMedia {
    const { id, seq } = message;
    if (id !== this.id) return malformed('a message of another session');
    if (!isSequenceNumber(seq)) return malformed('a message without its number');
    this.clientseq = Math.max(this.clientseq, seq);
    return this.readControl(message);
  }

  private readControl(message: JsonMessage): InboundMedia {
    switch (message.type) {
      case 'ping':
        return { kind: 'reply', data: this.write({ type: 'pong' }) };
      case 'close':
        if (this.isClosed) return malformed('a second close');
        this.isClosed = this.isEnding = true;
        return { kind: 'reply', data: this.write({ type: 'closed' }) };
      case 'dtmf': {
        const { digit } = objectIn(message, 'parameters');
        return isDtmfDigit(digit) ? { kind: 'dtmf', digit } : malformed('a dtmf without its key');
      }
      case 'pause':
      case 'paused':
      case 'resume':
      case 'resumed':
        this.isPaused = message.type.startsWith('pause');
        return { kind: 'message', message };
      case 'update':
      case 'discarded':
        return { kind: 'message', message };
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
    return this.write({ type: 'event', parameters: { entities } });
  }

  mark(): undefined {
    return undefined;
  }

  dtmf(): undefined {
    return undefined;
  }

  /** Sends protocol messages with a `version`, as Pipecat does. Sequence numbers are filled in. */
  message(message: unknown): string | undefined {
    const given = applicationMessage(message);
    if (given?.version === undefined || this.isEnding) return undefined;
    if (given.type === 'disconnect') this.isEnding = true;
    return this.write(given);
  }

  /** Disconnects. Genesys then closes the session and continues the flow. As in Pipecat, a hang-up sets `action: finished`, any other end `transfer`. */
  end(hangsUp: boolean): string | undefined {
    if (this.isEnding) return undefined;
    this.isEnding = true;
    const outputVariables = { action: hangsUp ? 'finished' : 'transfer' };
    return this.write({ type: 'disconnect', parameters: { reason: 'completed', outputVariables } });
  }

  private write(message: JsonMessage): string {
    const { id, clientseq } = this;
    return JSON.stringify({
      parameters: {},
      ...message,
      version: '2',
      id,
      seq: ++this.seq,
      clientseq,
    });
  }

  private readAudio(data: Buffer): InboundMedia {
    // Genesys may still send audio after that.
    if (this.isPaused || this.isEnding) return IGNORED;
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
  const media = (Array.isArray(offered) ? (offered as unknown[]) : []).filter(isUsable);
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
const isSequenceNumber = (seq: unknown): seq is number =>
  Number.isInteger(seq) && (seq as number) > 0 && (seq as number) < 2 ** 31;

function isUsable(offered: unknown): offered is GenesysMedia {
  const { type, format, rate, channels } = (offered ?? {}) as Partial<Record<string, unknown>>;
  return (
    type === 'audio' &&
    format === 'PCMU' &&
    rate === 8_000 &&
    Array.isArray(channels) &&
    (channels.length === 1 || channels.length === 2) &&
    channels.every((channel) => channel === 'external' || channel === 'internal')
  );
}
