import { RunnerError } from '../../errors/runner.error.js';
import type { WebRtcAnswer } from './dto/webrtc-answer.dto.js';
import { type Offer, ufragOf } from './sdp.js';

/** The most ICE candidates of a client per ICE generation: each makes the bot's side send checks to an arbitrary address. */
const MAX_CANDIDATES = 100;
/** The most ICE candidates of a client in all generations: it can restart ICE as often as it likes. */
const MAX_ALL_CANDIDATES = 1_000;
/** The most pending offers of a client: each takes some milliseconds. */
export const MAX_OFFERS = 10;

/** Media section of an ICE candidate. */
export interface CandidateSection {
  readonly mid?: string;
  /** From 0. */
  readonly index?: number;
}

/** Limit of a client's ICE candidates. */
export class CandidateLimit {
  private ufrag: string | undefined;
  private left = MAX_CANDIDATES;
  private leftInAll = MAX_ALL_CANDIDATES;

  /** Begins the ICE generation of an offer, when the offer arrives: candidates of a restart may follow before it is answered. */
  begin({ ufrag }: Offer): void {
    if (ufrag === this.ufrag) return;
    this.ufrag = ufrag;
    this.left = MAX_CANDIDATES;
  }

  /** Counts a candidate. @returns false when it is one too many, or of another ICE generation */
  take(candidate: string): boolean {
    const ufrag = ufragOf(candidate);
    if (ufrag !== undefined && ufrag !== this.ufrag) return false;
    if (this.left === 0 || this.leftInAll === 0) return false;
    this.left--;
    this.leftInAll--;
    return true;
  }
}

/** Queue of a client's offers: each negotiation builds on the one before. */
export class OfferQueue {
  private size = 0;
  private last: Promise<unknown> = Promise.resolve();

  /** Answers an offer after those before it. @throws {RunnerError} `WRONG_STATE` when too many are pending */
  add<T>(answer: () => Promise<T>): Promise<T> {
    if (this.size >= MAX_OFFERS) throw tooManyOffers();
    this.size++;
    const answered = this.last.then(answer).finally(() => this.size--);
    this.last = answered.catch(() => undefined);
    return answered;
  }

  /** Calls `callback` once no offer is pending that came before, at once if there is none. */
  afterwards(callback: () => void, fail: (thrown: unknown) => void): void {
    if (this.size === 0) callback();
    else this.last.then(callback).catch(fail);
  }
}

/** Negotiation of a peer connection, wherever it lives. */
export interface Negotiator {
  /** Connection id in the signalling between client and runner. */
  readonly pcId: string;
  /**
   * Answers an offer: the first one, or a renegotiation.
   * @param restart replaces the peer connection, with the same bot
   * @throws {RunnerError} `BAD_REQUEST` for an offer that cannot be answered, `WRONG_STATE` when the session ends meanwhile or too many offers are
   * pending, `BAD_REQUEST` when too much waits for the bot's start; of a bot in its own process also `NOT_READY` and `BOT_FAILED`
   */
  renegotiate(offer: Offer, restart?: boolean): Promise<WebRtcAnswer>;
  /**
   * Adds an ICE candidate of the client (trickle ICE); an empty one is the end of candidates.
   * @throws {RunnerError} `BAD_REQUEST` for a malformed candidate, or when too much waits for the bot's start
   */
  addCandidate(line: string, where: CandidateSection): void;
}

export const tooManyOffers = (): RunnerError =>
  new RunnerError('WRONG_STATE', `${MAX_OFFERS} offers of this client wait for their answer.`);

/**
 * Returns the answer of a peer that has all its candidates.
 * @throws {RunnerError} `OVERLOADED` for none: no UDP socket could be opened, as when all ports of `udpPortRange` are taken, or, with the policy
 * `relay`, no TURN server has allocated a port
 */
export function withCandidates(sdp: string): string {
  if (/^a=candidate:/m.test(sdp)) return sdp;
  throw new RunnerError(
    'OVERLOADED',
    'The client cannot be reached: no UDP port can be opened, or no TURN server lets the runner in; try again later.',
  );
}

export const contradictoryOffer = (cause: unknown): RunnerError =>
  new RunnerError(
    'BAD_REQUEST',
    'The offer cannot be answered: it contradicts itself, or what was agreed on.',
    { cause },
  );
