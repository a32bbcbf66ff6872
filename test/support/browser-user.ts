import { found, speech } from './sound.js';

/** A page in any browser, as far as is needed here. */
interface Tab {
  evaluate(expression: string): Promise<unknown>;
}

/** Someone who talks to a bot on the page of `test/browser/client.ts`. */
export class BrowserUser {
  constructor(private readonly tab: Tab) {}

  /** Starts a bot, and resolves once it is ready. @param url the runner's @param body more for the bot */
  async connect(
    transport: 'webrtc' | 'websocket' | 'moq',
    url: string,
    body: object = {},
  ): Promise<void> {
    await this.call('connect', transport, url, body);
  }

  /** Starts a bot in a call of Twilio's that the page plays. */
  async callTwilio(url: string): Promise<void> {
    await this.call('call', url);
  }

  /** Has all connections go through TURN servers, and none beside them. @param username there, in place of the runner's */
  async useRelaysOnly(username: string): Promise<void> {
    await this.call('useRelaysOnly', username);
  }

  /**
   * Similarity of the echo and the microphone's loop: 1 for the same, 0.45 for other speech. A busy machine may
   * need some attempts to play it in time.
   *
   * @param microphone at 8 kHz
   * @param piece as {@link found} has it; a tone is known by less than speech
   */
  async likeness(microphone = speech(11), piece?: number): Promise<number> {
    let likeness = 0;
    for (let attempt = 0; attempt < 12 && likeness < 0.8; attempt++) {
      const { rateHz, pcm } = await this.hear(2);
      likeness = Math.max(likeness, found(microphone, 8_000, pcm, rateHz, piece));
    }
    return likeness;
  }

  /** Resolves once it hears more of the bot than silence. */
  async hearsSound(): Promise<void> {
    while (!(await this.hear(0.05)).pcm.some((sample) => Math.abs(sample) > 1_000));
  }

  /** Hears that much of the bot from now on. */
  async hear(seconds: number): Promise<{ readonly pcm: Int16Array; readonly rateHz: number }> {
    const { rateHz, pcm } = (await this.call('heard.next', seconds)) as {
      rateHz: number;
      pcm: string;
    };
    const bytes = Buffer.from(pcm, 'base64');
    return {
      pcm: Int16Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readInt16LE(i * 2)),
      rateHz,
    };
  }

  /** Times of all that was heard of the bot, in milliseconds since 1970; silences of less than a second are part of it. */
  async utterances(): Promise<{ readonly fromMs: number; readonly toMs: number }[]> {
    return (await this.tab.evaluate('client.heard.utterances')) as {
      fromMs: number;
      toMs: number;
    }[];
  }

  /** Tells the bot's application something. */
  async send(type: string, data: unknown): Promise<void> {
    await this.call('send', type, data);
  }

  /** Asks it something. @returns its answer */
  request(type: string, data: unknown): Promise<unknown> {
    return this.call('request', type, data);
  }

  /** The n-th message that the bot's application sent on its own. */
  message(index: number): Promise<unknown> {
    return this.call('message', index);
  }

  async mute(muted: boolean): Promise<void> {
    await this.call('mute', muted);
  }

  /** Makes the peer connection anew. */
  async reconnect(): Promise<void> {
    await this.call('reconnect');
  }

  async restartIce(): Promise<void> {
    await this.call('restartIce');
  }

  /** The kinds of the two candidates between which the connection is, the user's first. */
  pair(): Promise<unknown> {
    return this.call('pair');
  }

  /** Disconnects. @returns when, in milliseconds since 1970 */
  async leave(): Promise<number> {
    return (await this.call('leave')) as number;
  }

  /** Resolves once the client reported this. */
  async says(event: string): Promise<void> {
    await this.call('says', event);
  }

  /** All that the client reported. */
  async events(): Promise<string[]> {
    return (await this.tab.evaluate('client.events')) as string[];
  }

  private call(method: string, ...args: unknown[]): Promise<unknown> {
    return this.tab.evaluate(
      `client.${method}(${args.map((arg) => JSON.stringify(arg)).join(', ')})`,
    );
  }
}
