import type { MediaTransport } from '../../media/media-transport.js';
import { bytesFromPcm, pcmFromBytes } from '../../media/pcm.js';
import type { RealtimeLayer, RealtimeModule } from './realtime-module.js';

/** Sample rate of `audio/pcm` at the model, both ways, in Hz. */
export const REALTIME_RATE_HZ = 24_000;

/** A layer between the model and a transport. */
export interface TransportLayer extends RealtimeLayer {
  /** True when the agent has closed the connection, which then stays closed. */
  readonly isClosed: boolean;
  /** Connects again as before, with the newest configuration of the session. */
  reconnect(): Promise<void>;
}

/** Creates the layer that plays the model's audio on a transport, and tells the model what was heard. */
export function createLayer(
  { OpenAIRealtimeWebSocket }: RealtimeModule,
  transport: MediaTransport,
  onInterrupted: () => void,
): TransportLayer {
  return new (class extends OpenAIRealtimeWebSocket implements TransportLayer {
    private answer:
      { readonly itemId: string | undefined; readonly startsAtMs: number } | undefined;
    isClosed = false;
    private options: Parameters<RealtimeLayer['connect']>[0] = {};
    private config: object | undefined;

    override connect(options: Parameters<RealtimeLayer['connect']>[0]): Promise<void> {
      this.options = options;
      return super.connect(options);
    }

    override updateSessionConfig(config: object): unknown {
      this.config = config;
      return super.updateSessionConfig(config);
    }

    reconnect(): Promise<void> {
      return super.connect({ ...this.options, initialSessionConfig: this.config });
    }

    override close(): void {
      this.isClosed = true;
      super.close();
    }

    override _onAudio(event: { readonly data: ArrayBuffer }): void {
      const { currentItemId: itemId } = this;
      if (!this.answer || this.answer.itemId !== itemId) {
        const { totalPlayedMs, queuedMs } = transport.playback;
        this.answer = { itemId, startsAtMs: totalPlayedMs + queuedMs };
      }
      const pcm = pcmFromBytes(Buffer.from(event.data));
      void transport.sendAudio({ pcm, sampleRateHz: REALTIME_RATE_HZ });
      super._onAudio(event);
    }

    override _interrupt(_elapsedMs: number, cancelOngoingResponse?: boolean): void {
      const { answer } = this;
      this.answer = undefined;
      const { totalPlayedMs } = transport.clear();
      // The library's own clock does not know when the user heard the audio.
      super._interrupt(
        Math.max(0, totalPlayedMs - (answer?.startsAtMs ?? totalPlayedMs)),
        cancelOngoingResponse,
      );
      onInterrupted();
    }
  })();
}

/** Passes the user's audio on to the model, until the connection ends. */
export async function passAudio(transport: MediaTransport, layer: RealtimeLayer): Promise<void> {
  for await (const { pcm } of transport.audioIn(transport.endSignal)) {
    const bytes = bytesFromPcm(pcm);
    layer.sendAudio(Uint8Array.from(bytes).buffer);
  }
}
