/** Hands out what comes in; what the page itself hears of a track has gaps whenever it is busy. */
const TAP = `registerProcessor('tap', class extends AudioWorkletProcessor {
  process([[samples]]) {
    if (samples) this.port.postMessage([samples, currentTime]);
    return true;
  }
})`;

/** Sample that is no silence. */
const SOUND = 300;
/** Silence after which another utterance begins, in milliseconds: a busy machine has gaps. */
const SILENCE_MS = 1_000;

/** Pieces of 128 samples by which the clock of the audio is set: half a second. */
const LAGS = 200;

/** Audio of the bot in the page. */
export class Heard {
  readonly utterances: { fromMs: number; toMs: number }[] = [];
  private chunks: Int16Array[] = [];
  private rateHz = 0;
  private added: () => void = () => undefined;
  private stopListening: () => void = () => undefined;

  /** @param at when it is heard, in milliseconds since 1970 */
  add(pcm: Int16Array, rateHz: number, at = Date.now()): void {
    this.rateHz = rateHz;
    this.chunks.push(pcm);
    if (pcm.some((sample) => Math.abs(sample) > SOUND)) this.note(at);
    this.added();
  }

  private note(at: number): void {
    const last = this.utterances.at(-1);
    if (last && at - last.toMs < SILENCE_MS) last.toMs = Math.max(last.toMs, at);
    else this.utterances.push({ fromMs: at, toMs: at });
  }

  /** To this track from now on, and no other. */
  async listenTo(track: MediaStreamTrack): Promise<void> {
    this.stopListening();
    const stream = new MediaStream([track]);
    // Chromium decodes what comes from afar only while an element plays it.
    const element = new Audio();
    element.srcObject = stream;
    void element.play();
    const context = new AudioContext();
    this.stopListening = () => void context.close();
    const module = new Blob([TAP], { type: 'text/javascript' });
    await context.audioWorklet.addModule(URL.createObjectURL(module));
    const tap = new AudioWorkletNode(context, 'tap', { numberOfInputs: 1, channelCount: 1 });
    // Messages are late on a busy machine: the earliest of the last ones tells the time.
    const lags: number[] = [];
    tap.port.onmessage = ({ data: [samples, atS] }: MessageEvent<[Float32Array, number]>) => {
      lags.push(Date.now() - atS * 1_000);
      if (lags.length > LAGS) lags.shift();
      this.add(
        Int16Array.from(samples, (sample) => sample * 32_767),
        context.sampleRate,
        atS * 1_000 + Math.min(...lags),
      );
    };
    context.createMediaStreamSource(stream).connect(tap).connect(context.destination);
  }

  /** To what the page decodes by itself from now on: MoQ's client plays that, with gaps on a busy machine, and announces no tracks. */
  listenToDecoders(): void {
    const add = (data: AudioData): void => {
      const samples = new Float32Array(data.numberOfFrames);
      data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
      this.add(
        Int16Array.from(samples, (sample) => sample * 32_767),
        data.sampleRate,
      );
    };
    window.AudioDecoder = class extends AudioDecoder {
      constructor({ output, ...init }: AudioDecoderInit) {
        super({ ...init, output: (data) => (add(data), output(data)) });
      }
    };
  }

  /** As much as is heard from now on, as 16-bit PCM in base64. */
  async next(seconds: number): Promise<{ rateHz: number; pcm: string }> {
    this.chunks = [];
    const length = () => this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    while (length() === 0 || length() < seconds * this.rateHz) {
      await new Promise<void>((resolve) => (this.added = resolve));
    }
    const bytes = new Uint8Array(await new Blob(this.chunks as BlobPart[]).arrayBuffer());
    let binary = '';
    for (const byte of bytes) binary += String.fromCharCode(byte);
    return { rateHz: this.rateHz, pcm: btoa(binary) };
  }
}
