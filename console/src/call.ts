import { PipecatClient, RTVIError } from '@pipecat-ai/client-js';
import { audioContext } from './audio/audio-context.js';
import { problemOf, RunnerProblem, start, type StartAnswer } from './runner-api.js';
import { TRANSPORTS } from './transports/index.js';
import type { Line } from './transports/line.js';

/** One transport and its client; there can be any number of conversations over it, one after another. */
export class Call {
  private static count = 0;
  /** No two calls have the same. */
  readonly id = Call.count++;
  readonly client: PipecatClient;
  private starting: AbortController | undefined;

  /** @param transport one of {@link TRANSPORTS} */
  static async over(transport: string): Promise<Call> {
    return new Call(transport, await TRANSPORTS[transport]!.load());
  }

  private constructor(
    readonly transport: string,
    readonly line: Line,
  ) {
    this.client = new PipecatClient({
      transport: line.transport,
      enableMic: true,
      enableCam: false,
    });
  }

  /**
   * Opens the microphone, starts a bot and connects to it. Resolves when the connection is under way; from there on the client's
   * events tell. Not by the client's own `startBot()`, which never comes back from an answer that is not JSON.
   *
   * @param body what the bot gets
   * @param onProblem is told when the connection fails
   * @returns what the runner answered; `undefined` when it was stopped meanwhile
   * @throws {RunnerProblem}
   */
  async start(
    body: unknown,
    onProblem: (problem: RunnerProblem) => void,
  ): Promise<StartAnswer | undefined> {
    const { signal } = (this.starting = new AbortController());
    try {
      await audioContext();
      if (this.client.needsInit()) await this.client.initDevices();
      const { startWith } = TRANSPORTS[this.transport]!;
      const request = { transport: this.transport, ...startWith, body };
      const answer = await start(request, signal);
      if (signal.aborted) return undefined;
      // It does not settle when the connection is lost before the bot is ready, which an event tells.
      this.client.connect(this.line.connectParams(answer)).catch(async (error: unknown) => {
        if (!signal.aborted) onProblem(await explain(error));
      });
      return answer;
    } catch (error) {
      await this.client.disconnect();
      if (signal.aborted) return undefined;
      throw await explain(error);
    }
  }

  async stop(): Promise<void> {
    this.starting?.abort();
    await this.client.disconnect();
  }
}

/** Says what went wrong in words for people. */
async function explain(error: unknown): Promise<RunnerProblem> {
  if (error instanceof RunnerProblem) return error;
  // The SmallWebRTC transport hands on the answer that refused its offer.
  if (error instanceof RTVIError && error.cause instanceof Response) return problemOf(error.cause);
  return new RunnerProblem(error instanceof Error ? error.message : String(error));
}
