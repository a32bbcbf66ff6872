import type {
  HangUpOutcome,
  MediaEnd,
  MediaConnection,
  MediaConnectionEvents,
} from '../../src/media/media-connection.js';

/** Fake media connection; the test plays the peer. */
export class FakeMediaConnection implements MediaConnection {
  capabilities: MediaConnection['capabilities'] = {
    marks: 'confirmed',
    remoteClear: true,
    dtmfIn: true,
    dtmfOut: true,
    messages: true,
  };
  readonly output = { sampleRateHz: 8_000, chunkSamples: 160 };
  events!: MediaConnectionEvents;
  readonly sent: unknown[] = [];
  hangUpOutcome: HangUpOutcome = { ok: true, via: 'api' };

  open(events: MediaConnectionEvents): void {
    this.events = events;
    events.connected();
  }
  sendAudio(pcm: Int16Array): boolean {
    this.sent.push(['audio', pcm.length]);
    return true;
  }
  clear(): void {
    this.sent.push('clear');
  }
  mark(name: string): void {
    this.sent.push(['mark', name]);
  }
  sendDtmf(digits: string): boolean {
    this.sent.push(['dtmf', digits]);
    return true;
  }
  sendMessage(message: unknown): boolean {
    this.sent.push(['message', message]);
    return true;
  }
  hangUp(): Promise<HangUpOutcome> {
    this.sent.push('hang up');
    return Promise.resolve(this.hangUpOutcome);
  }
  close({ reason }: MediaEnd): void {
    this.sent.push(['close', reason]);
  }

  /** Delivers 20 ms of audio from the peer. */
  speak(value = 1_000, sampleRateHz = 8_000, timestampMs?: number): void {
    const pcm = new Int16Array(sampleRateHz / 50).fill(value);
    this.events.audio(pcm, sampleRateHz, 1, timestampMs);
  }
}
