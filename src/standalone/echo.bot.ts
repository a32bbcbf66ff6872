import { fieldOf } from '../errors/thrown.js';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { BotLauncher, type BotSession } from '../bot/bot-launcher.js';
import type { RunnerArguments } from '../bot/runner-arguments.js';
import type { AudioFrame } from '../media/pcm.js';
import type { MediaTransport } from '../media/media-transport.js';
import { RtviSession } from '../rtvi/rtvi-session.js';
import { createTransport } from '../transports/create-transport.js';
import { SpeechDetector } from './speech-detector.js';

/** Text of the bot when a client connects. */
const GREETING = 'Hello! I say back what I hear.';
/** Pre-roll before detected speech, in milliseconds: the first sounds of a word are quiet. */
const LEAD_IN_MS = 200;
/** Buffer limit of speech, in milliseconds: as much as the output can queue. */
const MAX_SPEECH_MS = 60_000;

/**
 * Echo bot, the default of the standalone runner. It echoes audio at once, or with `{"delayMs": 800}` as its body 800 ms after the
 * speaker is done, with barge-in.
 */
@Injectable()
export class EchoBot extends BotLauncher {
  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const transport = await createTransport(args);
    const rtvi = new RtviSession(transport, { logger: session.logger });
    rtvi.onClientMessage(({ data }) => data ?? null);
    rtvi.on('send-text', ({ content }) => say(rtvi, content));
    rtvi.on('send-file', ({ file }) => say(rtvi, `You sent ${file.name ?? 'a file'}.`));
    transport.on('interruption', () => transport.clear());
    session.ready();
    say(rtvi, GREETING);
    const delayMs = delayOf(args.body);
    if (delayMs > 0) return new TurnTakingEcho(transport, rtvi, delayMs).run();
    for await (const frame of transport.audioIn()) void transport.sendAudio(frame);
  }
}

const say = (rtvi: RtviSession, text: string): boolean =>
  rtvi.send('bot-output', { text, output_type: 'sentence', will_be_spoken: false });

function delayOf(body: unknown): number {
  const delayMs = fieldOf(body, 'delayMs');
  return typeof delayMs === 'number' && delayMs > 0 && delayMs <= 60_000 ? delayMs : 0;
}

const durationMs = ({ pcm, sampleRateHz }: AudioFrame): number =>
  (pcm.length * 1_000) / sampleRateHz;

/** Turn-taking echo: records until the speaker is done, waits, and plays it back. */
class TurnTakingEcho {
  private readonly detector = new SpeechDetector();
  private readonly recorded: AudioFrame[] = [];
  private recordedMs = 0;
  private answering: AbortController | undefined;

  constructor(
    private readonly transport: MediaTransport,
    private readonly rtvi: RtviSession,
    private readonly delayMs: number,
  ) {}

  async run(): Promise<void> {
    for await (const frame of this.transport.audioIn()) {
      this.recorded.push(frame);
      this.recordedMs += durationMs(frame);
      const change = this.detector.detect(frame);
      if (change === 'began') {
        this.rtvi.send('user-started-speaking');
        this.interrupt();
      } else if (change === 'ended') {
        this.rtvi.send('user-stopped-speaking');
        this.answer(this.recorded.splice(0)).catch((thrown) => this.transport.fail(thrown));
        this.recordedMs = 0;
      }
      const limitMs = this.detector.speaking ? MAX_SPEECH_MS : LEAD_IN_MS;
      while (this.recordedMs > limitMs) this.recordedMs -= durationMs(this.recorded.shift()!);
    }
    this.answering?.abort();
  }

  private interrupt(): void {
    if (!this.answering) return;
    this.answering.abort();
    this.answering = undefined;
    this.transport.clear();
    this.rtvi.send('bot-interrupted');
  }

  private async answer(frames: AudioFrame[]): Promise<void> {
    const answering = (this.answering = new AbortController());
    await sleep(this.delayMs, undefined, { signal: answering.signal }).catch(() => undefined);
    if (answering.signal.aborted) return;
    this.rtvi.send('bot-started-speaking');
    for (const frame of frames) void this.transport.sendAudio(frame);
    await this.transport.mark('echo');
    this.rtvi.send('bot-stopped-speaking');
    if (this.answering === answering) this.answering = undefined;
  }
}
