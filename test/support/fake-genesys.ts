import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { WebSocket } from 'ws';

type Json = Record<string, unknown>;

/** One of the media that AudioHook offers. */
export interface OfferedMedia {
  readonly type: string;
  readonly format: string;
  readonly channels: readonly string[];
  readonly rate: number;
}

export const EXTERNAL: OfferedMedia = {
  type: 'audio',
  format: 'PCMU',
  channels: ['external'],
  rate: 8000,
};

/** Options of {@link FakeGenesys}. */
export interface GenesysOptions {
  readonly url: string;
  readonly apiKey?: string;
  /** In base64; signs the upgrade. */
  readonly clientSecret?: string;
  readonly media?: readonly OfferedMedia[];
  readonly inputVariables?: Json;
  readonly pingIntervalMs?: number;
  /** Headers in place of the true ones, after they were signed. */
  readonly headers?: Record<string, string>;
  /** Tests the connection, as when an integration is activated: closes the session once it is open. */
  readonly isProbe?: boolean;
  /** Time that a probe waits before it closes the session, in milliseconds. @default 0 */
  readonly closeDelayMs?: number;
  /** Time that it waits before `open`, in milliseconds. @default 0 */
  readonly openDelayMs?: number;
  /** The longest wait for `opened`, and for a `pong`, in milliseconds. @default 5_000 */
  readonly timeoutMs?: number;
  /** Closes the session right after `open`. */
  readonly closesAtOnce?: boolean;
  /** Does not close the session when the server asks for it. */
  readonly ignoresDisconnect?: boolean;
}

const NOBODY = '00000000-0000-0000-0000-000000000000';
const TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 10_000;
/** Binary messages: five a second, and so many at once. */
const BURST = 25;
const MAX_BINARY_BYTES = 64_000;

/**
 * Genesys Cloud's side of AudioHook 2, after https://developer.genesys.cloud/devapps/audiohook and not after our server: it checks whatever it is sent,
 * and what is wrong is in `violations`. Emits `message` with each, and `audio`.
 */
export class FakeGenesys extends EventEmitter<{ message: [Json]; audio: [Buffer] }> {
  readonly violations: string[] = [];
  readonly messages: Json[] = [];
  readonly id = randomUUID();
  readonly organizationId = randomUUID();
  readonly conversationId: string;
  readonly closed: Promise<{ code: number; reason: string }>;
  opened: OfferedMedia | undefined;
  audioBytes = 0;
  pongs = 0;
  private readonly socket: WebSocket;
  private state: 'connecting' | 'opening' | 'open' | 'closing' | 'closed' = 'connecting';
  private seq = 0;
  private serverseq = 0;
  private spoken = 0;
  /** Pings that were not answered yet. */
  private readonly pings = new Set<number>();
  private budget = BURST;
  private budgetAtMs = performance.now();
  private readonly timers = new Set<NodeJS.Timeout>();

  constructor(private readonly options: GenesysOptions) {
    super();
    const { url, headers, isProbe } = options;
    this.conversationId = isProbe ? NOBODY : randomUUID();
    this.socket = new WebSocket(url, { headers: { ...this.headers(url), ...headers } });
    this.closed = once(this.socket, 'close').then(([code, reason]) => ({
      code: code as number,
      reason: String(reason),
    }));
    this.socket.on('open', () => {
      if (!options.openDelayMs) return this.open();
      this.timers.add(setTimeout(() => this.open(), options.openDelayMs));
    });
    this.socket.on('message', (data: Buffer, isBinary) =>
      isBinary ? this.hear(data) : this.read(data.toString()),
    );
    this.socket.on('close', () => {
      if (this.state === 'open' || this.state === 'closing') {
        this.violate('the connection was closed without a close transaction');
      }
      this.state = 'closed';
      this.timers.forEach((timer) => clearTimeout(timer));
    });
  }

  /** Resolves once a message of a type has come, now or later. */
  async next(type: string): Promise<Json> {
    for (;;) {
      const found = this.messages.find((message) => message.type === type);
      if (found) return found;
      await Promise.race([
        once(this, 'message'),
        this.closed.then(() => Promise.reject(new Error(`closed before any ${type}`))),
      ]);
    }
  }

  async heard(bytes: number): Promise<void> {
    while (this.audioBytes < bytes) await once(this, 'audio');
  }

  speak(bytes: Buffer): void {
    this.spoken += bytes.length / (this.opened?.channels.length ?? 1);
    this.socket.send(bytes);
  }

  send(type: string, parameters: Json = {}): number {
    const message = {
      version: '2',
      id: this.id,
      type,
      seq: ++this.seq,
      serverseq: this.serverseq,
      position: `PT${(this.spoken / 8_000).toFixed(3)}S`,
      parameters,
    };
    this.socket.send(JSON.stringify(message));
    return this.seq;
  }

  /** The close transaction, and the end of the connection. */
  close(reason: string): void {
    if (this.state === 'closing' || this.state === 'closed') return;
    this.state = 'closing';
    this.send('close', { reason });
    this.after(CLOSE_TIMEOUT_MS, 'closed took too long');
  }

  private open(): void {
    this.state = 'opening';
    const { media = [EXTERNAL], inputVariables, isProbe, closesAtOnce } = this.options;
    const { timeoutMs = TIMEOUT_MS } = this.options;
    this.send('open', {
      organizationId: this.organizationId,
      conversationId: this.conversationId,
      participant: isProbe
        ? { id: NOBODY, ani: '', aniName: '', dnis: '' }
        : { id: randomUUID(), ani: 'tel:+15550001', aniName: 'A', dnis: 'tel:+15550002' },
      media,
      language: 'en-US',
      ...(inputVariables && { inputVariables }),
    });
    this.after(timeoutMs, 'opened took too long', () => this.opened !== undefined);
    if (closesAtOnce) this.close('end');
  }

  private read(text: string): void {
    const message = JSON.parse(text) as Json;
    this.messages.push(message);
    const { version, id, type, seq, clientseq, parameters } = message;
    const keys = Object.keys(message).sort().join();
    if (keys !== 'clientseq,id,parameters,seq,type,version') this.violate(`fields ${keys}`);
    if (version !== '2') this.violate(`version ${String(version)}`);
    if (id !== this.id) this.violate('another session id');
    if (seq !== this.serverseq + 1) this.violate(`seq ${String(seq)} after ${this.serverseq}`);
    if (typeof clientseq !== 'number' || clientseq > this.seq || clientseq < 1) {
      this.violate(`clientseq ${String(clientseq)} of ${this.seq}`);
    }
    if (typeof parameters !== 'object' || parameters === null) this.violate('no parameters');
    this.serverseq = seq as number;
    if (this.state === 'closed') this.violate(`${String(type)} after the end`);
    if (this.state === 'opening' && type !== 'opened' && type !== 'disconnect') {
      this.violate(`${String(type)} before opened`);
    }
    this.take(String(type), parameters as Json, clientseq as number);
    this.emit('message', message);
  }

  private take(type: string, parameters: Json, clientseq: number): void {
    switch (type) {
      case 'opened':
        return this.takeOpened(parameters);
      case 'pong':
        if (!this.pings.delete(clientseq)) this.violate('a pong that answers no ping');
        this.pongs++;
        return;
      case 'event': {
        const { entities } = parameters;
        if (
          !Array.isArray(entities) ||
          !entities.every((one: Json) => typeof one.type === 'string' && 'data' in one)
        ) {
          this.violate('an event without entities');
        }
        return;
      }
      case 'disconnect':
        if (!['completed', 'unauthorized', 'error'].includes(String(parameters.reason))) {
          this.violate(`the reason ${String(parameters.reason)}`);
        }
        if (!this.options.ignoresDisconnect) this.close('disconnect');
        return;
      case 'closed':
        if (this.state !== 'closing') this.violate('closed without close');
        this.state = 'closed';
        return this.socket.close(1000);
      case 'pause':
      case 'resume':
      case 'updated':
      case 'reconnect':
        return;
      default:
        this.violate(`the type ${type}`);
    }
  }

  private takeOpened({ media, startPaused = false, ...more }: Json): void {
    if (this.opened) return this.violate('opened twice');
    if (this.state === 'opening') this.state = 'open';
    const selected = media as OfferedMedia[];
    const offered = (this.options.media ?? [EXTERNAL]).map((one) => JSON.stringify(one));
    if (!Array.isArray(media) || selected.length !== 1) this.violate('not one of the media');
    else if (!offered.includes(JSON.stringify(selected[0]))) this.violate('media not on offer');
    if (typeof startPaused !== 'boolean') this.violate('startPaused');
    for (const key of Object.keys(more)) {
      if (!['discardTo', 'supportedLanguages'].includes(key)) this.violate(`opened with ${key}`);
    }
    this.opened = selected[0];
    this.schedulePing();
    const { isProbe, closeDelayMs = 0 } = this.options;
    if (isProbe) this.timers.add(setTimeout(() => this.close('end'), closeDelayMs));
  }

  private schedulePing(): void {
    const timer = setTimeout(() => {
      if (this.state !== 'open') return;
      const seq = this.send('ping', { rtt: 'PT0.01S' });
      this.pings.add(seq);
      this.after(
        this.options.timeoutMs ?? TIMEOUT_MS,
        'pong took too long',
        () => !this.pings.has(seq),
      );
      this.schedulePing();
    }, this.options.pingIntervalMs ?? 5_000);
    this.timers.add(timer);
  }

  private hear(bytes: Buffer): void {
    if (this.state !== 'open' && this.state !== 'closing') this.violate('audio before opened');
    if (bytes.length > MAX_BINARY_BYTES) this.violate(`${bytes.length} bytes of audio`);
    const now = performance.now();
    this.budget = Math.min(BURST, this.budget + ((now - this.budgetAtMs) * 5) / 1_000) - 1;
    this.budgetAtMs = now;
    if (this.budget < 0) this.violate('429: too many binary messages');
    this.audioBytes += bytes.length;
    this.emit('audio', bytes);
  }

  private after(ms: number, violation: string, isDone = () => this.state === 'closed'): void {
    const timer = setTimeout(() => {
      if (isDone()) return;
      this.violate(violation);
      this.socket.terminate();
    }, ms);
    this.timers.add(timer);
  }

  private violate(what: string): void {
    this.violations.push(what);
  }

  private headers(url: string): Record<string, string> {
    const { apiKey = 'an-api-key', clientSecret } = this.options;
    const { host, pathname, search } = new URL(url);
    const headers = {
      'audiohook-organization-id': this.organizationId,
      'audiohook-session-id': this.id,
      'audiohook-correlation-id': randomUUID(),
      'x-api-key': apiKey,
    };
    if (clientSecret === undefined) return headers;
    const values = { '@request-target': pathname + search, '@authority': host, ...headers };
    const created = Math.floor(Date.now() / 1_000);
    const input =
      `(${Object.keys(values)
        .map((name) => `"${name}"`)
        .join(' ')});keyid="${apiKey}";` +
      `nonce="${randomBytes(16).toString('base64url')}";alg="hmac-sha256";created=${created};expires=${created + 10}`;
    const base = [...Object.entries(values), ['@signature-params', input]]
      .map(([name, value]) => `"${name}": ${value}`)
      .join('\n');
    const signature = createHmac('sha256', Buffer.from(clientSecret, 'base64'))
      .update(base)
      .digest('base64');
    return { ...headers, 'signature-input': `sig1=${input}`, signature: `sig1=:${signature}:` };
  }
}
