import { RunnerError } from '../../errors/runner.error.js';
import type { WebRtcAnswer } from './dto/webrtc-answer.dto.js';
import type { Offer } from './sdp.js';

/** The most ICE candidates of a client per ICE generation: each makes the bot's side send checks to an arbitrary address. */
export const MAX_CANDIDATES = 100;
/** The most pending offers of a client: each takes some milliseconds. */
export const MAX_OFFERS = 10;

/** Media section of an ICE candidate. */
export interface CandidateSection {
  readonly mid?: string;
  /** From 0. */
  readonly index?: number;
}

/** Negotiation of a peer connection, wherever it lives. */
export interface Negotiator {
  /** Connection id in the signalling between client and runner. */
  readonly pcId: string;
  /**
   * Answers an offer: the first one, or a renegotiation.
   * @param restart replaces the peer connection, with the same bot
   * @throws {RunnerError} `BAD_REQUEST` for an offer that cannot be answered, `WRONG_STATE` when the session ends meanwhile or too many offers are
   * pending; of a bot in its own process also `NOT_READY` and `BOT_FAILED`
   */
  renegotiate(offer: Offer, restart?: boolean): Promise<WebRtcAnswer>;
  /**
   * Adds an ICE candidate of the client (trickle ICE); an empty one is the end of candidates.
   * @throws {RunnerError} `BAD_REQUEST` for a malformed candidate
   */
  addCandidate(line: string, where: CandidateSection): void;
}

export const tooManyOffers = (): RunnerError =>
  new RunnerError('WRONG_STATE', `${MAX_OFFERS} offers of this client wait for their answer.`);

export const contradictoryOffer = (cause: unknown): RunnerError =>
  new RunnerError(
    'BAD_REQUEST',
    'The offer cannot be answered: it contradicts itself, or what was agreed on.',
    { cause },
  );
