import type { Session } from '../../sessions/session.js';
import { isObject } from '../../validation/is-object.js';
import { Accepts, IsText, Milliseconds, ValidatedBy } from '../../validation/option.decorators.js';
import { resolveOptions, type WithDefaults } from '../../validation/options.js';

/** A session of Vonage's Video API, with the tokens to join it. */
export interface VonageVideoRoom {
  /** Id of the Vonage session. */
  readonly sessionId: string;
  /** Token of the bot. */
  readonly token: string;
  /** Token of the user, for the answer of `/start`. @default none: the user has one from elsewhere */
  readonly clientToken?: string;
}

/** Options of {@link VonageVideoModule}. */
export class VonageVideoOptions {
  /** Id of the Vonage application (`VONAGE_APPLICATION_ID`). */
  @IsText()
  applicationId?: string;
  /** Vonage session that all bots join (`VONAGE_SESSION_ID`). */
  @ValidatedBy<VonageVideoOptions>((value, { createRoom }) =>
    createRoom === undefined ? textProblem(value) : 'must be left out beside createRoom',
  )
  sessionId?: string;
  /** Token of the bots for `sessionId` (`VONAGE_TOKEN`). */
  @ValidatedBy<VonageVideoOptions>((value, { createRoom }) =>
    createRoom === undefined ? textProblem(value) : 'must be left out beside createRoom',
  )
  token?: string;
  /** Creates a Vonage session and its tokens for each session, in place of `sessionId` and `token`. */
  @Accepts('must be a function', (value) => typeof value === 'function')
  createRoom?: (session: Session) => VonageVideoRoom | Promise<VonageVideoRoom>;
  /**
   * Timeout of `createRoom`, in milliseconds.
   * @default 10_000
   */
  @Milliseconds(1)
  timeoutMs?: number = 10_000;
}

/** {@link VonageVideoOptions} with their defaults. */
export type ResolvedVonageVideoOptions = WithDefaults<
  VonageVideoOptions,
  'applicationId' | 'sessionId' | 'token' | 'createRoom'
>;

/** DI token of the {@link ResolvedVonageVideoOptions}. */
export const VONAGE_VIDEO_OPTIONS = Symbol('VONAGE_VIDEO_OPTIONS');

/**
 * Fills in the defaults.
 * @throws {InvalidOptionsError}
 */
export const resolveVonageVideoOptions = (
  options: VonageVideoOptions,
): ResolvedVonageVideoOptions =>
  resolveOptions('VonageVideoModule', new VonageVideoOptions(), options);

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const textProblem = (value: unknown): string | undefined =>
  isText(value) ? undefined : 'must be a string';

/**
 * Returns the fields of what `createRoom` returned.
 * @throws {TypeError} naming what is accepted
 */
export function checkedRoom(value: unknown): VonageVideoRoom {
  if (isObject(value)) {
    const { sessionId, token, clientToken } = value;
    if (isText(sessionId) && isText(token) && (clientToken === undefined || isText(clientToken))) {
      return { sessionId, token, clientToken };
    }
  }
  throw new TypeError(
    'it must return { sessionId, token, clientToken? }, each a string that is not empty',
  );
}
