import { textOfThrown } from '../../errors/thrown.js';
import type { MediaTransport } from '../../media/media-transport.js';
import { pcmFromBytes } from '../../media/pcm.js';
import type { RtviSession } from '../../rtvi/rtvi-session.js';
import type { Live, LiveConnect, LiveFunctionCall, LiveMessage } from './live-module.js';

/** Sample rate of the model's audio, in Hz, where its MIME type does not tell. */
const OUTPUT_RATE_HZ = 24_000;

interface Settings {
  readonly rtvi: RtviSession | undefined;
  readonly onFunctionCall: ((call: LiveFunctionCall) => unknown) | undefined;
  readonly warn: (text: string) => void;
}

/** A conversation with the model, over one connection after the other. */
export class LiveConversation {
  readonly ended: Promise<void>;
  private resolve!: () => void;
  private reject!: (error: Error) => void;
  private live: Live | undefined;
  private handle: string | undefined;
  private isOver = false;
  private isSpeaking = false;
  private answer = '';

  constructor(
    private readonly transport: MediaTransport,
    private readonly open: LiveConnect,
    private readonly settings: Settings,
  ) {
    this.ended = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** @throws the error of a connection that could not be made */
  async connect(): Promise<void> {
    let isOpen = true;
    const live = await this.open(
      {
        onmessage: (message) => this.guard(() => this.receive(message)),
        onerror: ({ message = 'unknown error' }) =>
          this.settings.warn(`the model says: ${message}`),
        onclose: ({ code, reason }) => {
          isOpen = false;
          if (this.live === live) this.lost(`${code ?? ''} ${reason ?? ''}`.trim());
        },
      },
      this.handle,
    );
    if (this.isOver) return live.close();
    if (!isOpen) throw new Error('The connection to the model was closed at once.');
    this.live = live;
  }

  /** Sends input; dropped while there is no connection. */
  send(input: Parameters<Live['sendRealtimeInput']>[0]): void {
    this.guard(() => this.live?.sendRealtimeInput(input));
  }

  /** Ends the conversation. */
  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.guard(() => this.live?.close());
    this.live = undefined;
    this.resolve();
  }

  private guard(call: () => void): void {
    try {
      call();
    } catch (thrown) {
      this.settings.warn(`the model failed: ${textOfThrown(thrown).text}`);
    }
  }

  /** Continues with another connection, where the model can. */
  private lost(why: string): void {
    this.live = undefined;
    if (this.isOver) return;
    if (this.handle === undefined) return this.fail(`The model has closed the connection: ${why}`);
    this.connect().catch((thrown: unknown) =>
      this.fail(`The model could not be reached again: ${textOfThrown(thrown).text}`),
    );
  }

  private fail(message: string): void {
    this.isOver = true;
    this.reject(new Error(message));
  }

  private receive({ serverContent, toolCall, goAway, sessionResumptionUpdate }: LiveMessage): void {
    const { newHandle, resumable } = sessionResumptionUpdate ?? {};
    if (newHandle && resumable !== false) this.handle = newHandle;
    for (const call of toolCall?.functionCalls ?? []) void this.run(call);
    if (serverContent) this.hear(serverContent);
    // The model ends the connection soon: another begins before it does.
    if (goAway && this.handle !== undefined) {
      const { live } = this;
      this.lost('going away');
      live?.close();
    }
  }

  private hear(content: NonNullable<LiveMessage['serverContent']>): void {
    const { rtvi } = this.settings;
    const { interrupted, modelTurn, turnComplete, inputTranscription, outputTranscription } =
      content;
    if (interrupted) {
      this.transport.clear();
      rtvi?.send('bot-interrupted');
      this.stopped();
    }
    for (const { inlineData } of modelTurn?.parts ?? []) {
      if (inlineData?.data !== undefined) this.speak(inlineData.data, inlineData.mimeType);
    }
    if (inputTranscription?.text) {
      rtvi?.send('user-transcription', {
        text: inputTranscription.text,
        user_id: '',
        timestamp: new Date().toISOString(),
        final: true,
      });
    }
    if (outputTranscription?.text) {
      this.answer += outputTranscription.text;
      rtvi?.send('bot-llm-text', { text: outputTranscription.text });
    }
    if (turnComplete) {
      if (this.answer !== '')
        rtvi?.send('bot-output', { text: this.answer, output_type: 'sentence' });
      this.answer = '';
      void this.transport.mark('answer').then(() => this.stopped());
    }
  }

  private speak(data: string, mimeType = ''): void {
    const sampleRateHz = Number(/rate=(\d+)/.exec(mimeType)?.[1] ?? OUTPUT_RATE_HZ);
    const bytes = Buffer.from(data, 'base64');
    void this.transport.sendAudio({ pcm: pcmFromBytes(bytes), sampleRateHz });
    if (!this.isSpeaking) this.settings.rtvi?.send('bot-started-speaking');
    this.isSpeaking = true;
  }

  private stopped(): void {
    if (this.isSpeaking) this.settings.rtvi?.send('bot-stopped-speaking');
    this.isSpeaking = false;
  }

  private async run(call: LiveFunctionCall): Promise<void> {
    const { onFunctionCall } = this.settings;
    let response: Record<string, unknown>;
    try {
      if (!onFunctionCall) throw new Error('This bot has no functions.');
      response = { output: await onFunctionCall(call) };
    } catch (thrown) {
      response = { error: textOfThrown(thrown).message };
    }
    const { id, name } = call;
    this.guard(() => this.live?.sendToolResponse({ functionResponses: [{ id, name, response }] }));
  }
}
