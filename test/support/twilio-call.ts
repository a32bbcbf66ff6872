import { EventEmitter, once } from 'node:events';
import { readConnectXml } from '../../src/testing/connect-xml.js';
import { type FakeCall, placeCall } from '../../src/testing/index.js';
import { hexId } from '../../src/transports/telephony/carriers/carrier-dialect.js';
import { formOf, twilioHeaders } from './carrier-signatures.js';

interface Line {
  /** Returns the base URL of the runner that a balancer chooses for the next connection. */
  readonly at: () => string;
  /** Key of the webhooks' signatures. */
  readonly token: string;
  /** URL of the webhook, as it is signed. */
  readonly webhook: string;
}

/** A call as Twilio carries it out: it asks the webhook, connects the stream, and follows `<Redirect>` once the stream's socket is closed. */
export class TwilioCall extends EventEmitter<{ stream: [FakeCall] }> {
  readonly callSid = `CA${hexId()}`;
  /** Documents that the webhook has answered, and their URLs. */
  readonly documents: string[] = [];
  readonly urls: string[] = [];
  /** Resolves when no document says how to go on. */
  readonly over: Promise<void>;
  private hasHungUp = false;

  constructor(private readonly line: Line) {
    super();
    this.over = this.carryOut();
    this.over.catch(() => undefined);
  }

  /** Resolves with the next stream that is connected. */
  async stream(): Promise<FakeCall> {
    const over = this.over.then(() => Promise.reject(new Error('the call is over')));
    over.catch(() => undefined);
    const [stream] = await Promise.race([once(this, 'stream') as Promise<[FakeCall]>, over]);
    return stream;
  }

  /** Asks the webhook at a URL. */
  async ask(url: string): Promise<Response> {
    const { at, token } = this.line;
    const { pathname, search } = new URL(url);
    const fields = { CallSid: this.callSid, From: '+15550001', To: '+15550002' };
    return fetch(`${at()}${pathname}${search}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...twilioHeaders(token, url, fields),
      },
      body: formOf(fields),
    });
  }

  /** Hangs up as the caller: nothing follows. */
  async hangUp(stream: FakeCall): Promise<void> {
    this.hasHungUp = true;
    await stream.hangUp();
  }

  private async carryOut(): Promise<void> {
    for (let url: string | undefined = this.line.webhook; url !== undefined;) {
      this.urls.push(url);
      const document: string = await (await this.ask(url)).text();
      this.documents.push(document);
      const connect = readConnectXml(document);
      if (!connect) return;
      const { pathname } = new URL(connect.url);
      const stream = await placeCall({
        carrier: 'twilio',
        url: `${this.line.at().replace('http', 'ws')}${pathname}`,
        callId: this.callSid,
        customParameters: connect.customParameters,
      });
      this.emit('stream', stream);
      await stream.closed.catch(() => undefined);
      if (this.hasHungUp) return;
      const [, next] =
        /<\/Connect><Redirect method="POST">([^<]*)<\/Redirect>/.exec(document) ?? [];
      url = next && new URL(next.replaceAll('&amp;', '&'), url).href;
    }
  }
}
