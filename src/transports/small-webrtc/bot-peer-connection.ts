import type { BotPeer, PeerConfig, PeerReport, PeerRequest } from '../../bot/bot-peer.js';
import { SessionEnd } from '../../bot/session-end.js';
import { RunnerError } from '../../errors/runner.error.js';
import type { Session } from '../../sessions/session.js';
import type { WebRtcAnswer } from './dto/webrtc-answer.dto.js';
import { checkCandidate, type Offer } from './sdp.js';
import {
  CandidateLimit,
  type CandidateSection,
  contradictoryOffer,
  MAX_OFFERS,
  type Negotiator,
  tooManyOffers,
  withCandidates,
} from './negotiator.js';
import { newPcId } from './pc-id.js';

/** Options of a {@link BotPeerConnection}. */
export interface BotPeerOptions {
  readonly config: PeerConfig;
  /** Rewrites the SDP of an answer before it is sent. */
  readonly adaptAnswer: (sdp: string) => string;
  /** Timeout of an answer, in milliseconds. */
  readonly answerTimeoutMs: number;
}

interface PendingOffer {
  readonly answered: (sdp: string) => void;
  readonly refused: (error: Error) => void;
}

/** The most requests that wait for the start of the process, and their bytes: less than may wait for it to read. */
const MAX_EARLY = 200;
const MAX_EARLY_BYTES = 2_097_152;

/** Runner's side of a peer connection in the bot's process: passes on the signalling, and ends the session with the connection. */
export class BotPeerConnection implements BotPeer, Negotiator {
  readonly pcId: string;
  readonly config: PeerConfig;
  private send: ((request: PeerRequest) => void) | undefined;
  /** Requests made before the process was started. */
  private early: PeerRequest[] = [];
  private earlyBytes = 0;
  private readonly pending = new Map<number, PendingOffer>();
  private offers = 0;
  private readonly candidateLimit = new CandidateLimit();
  private wasConnected = false;
  private connectTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly session: Session,
    private readonly options: BotPeerOptions,
  ) {
    this.config = options.config;
    this.pcId = newPcId('BotPeerConnection', session.id);
    session.onEnd((reason) => {
      clearTimeout(this.connectTimer);
      for (const { refused } of this.pending.values()) refused(errorOf(reason));
    });
  }

  async renegotiate(offer: Offer, restart = false): Promise<WebRtcAnswer> {
    const { ending } = this.session;
    if (ending) throw errorOf(ending);
    if (this.pending.size >= MAX_OFFERS) throw tooManyOffers();
    this.candidateLimit.begin(offer);
    const id = this.offers++;
    this.request({ type: 'offer', id, sdp: offer.original, restart });
    const sdp = withCandidates(await this.answerTo(id));
    if (restart || id === 0) this.awaitConnection();
    return {
      sdp: this.options.adaptAnswer(sdp),
      type: 'answer',
      pc_id: this.pcId,
    };
  }

  addCandidate(line: string, { mid, index = 0 }: CandidateSection): void {
    const candidate = line === '' ? line : checkCandidate(line);
    if (this.candidateLimit.take(candidate)) {
      this.request({ type: 'candidates', candidates: [{ candidate, mid, index }] });
    }
  }

  connectTo(send: (request: PeerRequest) => void): void {
    this.send = send;
    for (const request of this.early.splice(0)) send(request);
  }

  receive(report: PeerReport): void {
    if (report.type === 'peer') return this.onState(report.state);
    const offer = this.pending.get(report.id);
    if ('sdp' in report) offer?.answered(report.sdp);
    else offer?.refused(contradictoryOffer(new Error(report.error)));
  }

  private request(request: PeerRequest): void {
    if (this.send) return this.send(request);
    const bytes = this.earlyBytes + Buffer.byteLength(JSON.stringify(request));
    if (this.early.length >= MAX_EARLY || bytes > MAX_EARLY_BYTES) throw tooEarly();
    this.early.push(request);
    this.earlyBytes = bytes;
  }

  private answerTo(id: number): Promise<string> {
    const { answerTimeoutMs } = this.options;
    return new Promise<string>((resolve, reject) => {
      const settle =
        <T>(outcome: (value: T) => void) =>
        (value: T): void => {
          clearTimeout(timer);
          this.pending.delete(id);
          outcome(value);
        };
      const refused = settle(reject);
      const late = `The bot did not answer within ${answerTimeoutMs} ms.`;
      const timer = setTimeout(() => refused(new RunnerError('NOT_READY', late)), answerTimeoutMs);
      this.pending.set(id, { answered: settle(resolve), refused });
    });
  }

  private awaitConnection(): void {
    clearTimeout(this.connectTimer);
    if (this.session.ending) return;
    this.connectTimer = setTimeout(
      () => this.end('expired', 'The client did not connect in time.'),
      this.config.connectTimeoutMs,
    );
  }

  private onState(state: Extract<PeerReport, { type: 'peer' }>['state']): void {
    const { wasConnected } = this;
    switch (state) {
      case 'connected':
        clearTimeout(this.connectTimer);
        this.wasConnected = true;
        return;
      case 'left':
        return this.end('peer_left', 'The client left.');
      case 'silent':
        return this.end('peer_left', 'Nothing was heard of the client.');
      case 'failed':
        return this.end(wasConnected ? 'peer_left' : 'expired', 'The connection failed.');
    }
  }

  private end(code: 'expired' | 'peer_left', message: string): void {
    void this.session.end(new SessionEnd(code, message));
  }
}

const tooEarly = (): RunnerError =>
  new RunnerError(
    'BAD_REQUEST',
    `The bot is not started, and ${MAX_EARLY} messages or ${MAX_EARLY_BYTES} bytes wait for it.`,
  );

/** Answer to an offer that is pending when its session ends. */
function errorOf({ code }: SessionEnd): RunnerError {
  return code === 'failed'
    ? new RunnerError('BOT_FAILED', 'The bot failed before it answered; its log says why.')
    : new RunnerError('WRONG_STATE', 'The session has ended meanwhile.');
}
