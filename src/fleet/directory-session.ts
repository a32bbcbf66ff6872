import type { Note } from './session-notes.js';
import type { SessionKind } from '../sessions/session-registry.js';

/** A session as the directory knows it. */
export interface DirectorySession {
  readonly id: string;
  /** Wire name of the transport. */
  readonly transport: string;
  /** Way in which its client comes: `room` for bots that can run on any node. */
  readonly kind: SessionKind;
  /** Principal whose sessions are counted, with its own limit. */
  readonly caller?: { readonly id: string; readonly maxSessions?: number };
  /** Body, claims and whatever else is confidential, as JSON can hold it. */
  readonly data?: unknown;
}

/** Room of a session, for its record. */
export interface RecordedRoom {
  /** As {@link textOfRoom} writes it. */
  readonly text: string;
  /** True to launch its bot again when its node is dead. */
  readonly restarts: boolean;
}

/** A session to be opened. */
export interface NewDirectorySession extends DirectorySession {
  /** Time for its client to come, in milliseconds. */
  readonly ttlMs: number;
  /** True to claim it in the same step, for a client that is connected already. */
  readonly isConnected?: boolean;
}

/** A session that this node owns, or has opened without the directory. */
export interface AnnouncedSession extends DirectorySession {
  /** Its epoch, from {@link SessionDirectory.claim}; `undefined` while it waits for its client. */
  readonly epoch?: number;
  readonly ageMs: number;
  /** Time that is left for its client to come, in milliseconds. */
  readonly ttlMs: number;
  readonly room?: RecordedRoom;
  /** Its note; `undefined` while it waits. */
  readonly note?: Note;
  /** Its other names. @default none */
  readonly aliases?: readonly string[];
}

/** Outcome of a claim. */
export type Claim =
  | {
      readonly outcome: 'claimed';
      readonly epoch: number;
      readonly transport: string;
      readonly kind: SessionKind;
      readonly openedBy: string;
      readonly openedAtMs: number;
      readonly data: unknown;
      /** Its room, as {@link textOfRoom} has written it. */
      readonly room: string | undefined;
      /** Time since its bot was handed over, in milliseconds; `undefined` for what is no room. */
      readonly handedForMs: number | undefined;
    }
  /**
   * `missing`: never opened, ended, or of another transport; `unreadable`: of a version that another node may read, or sealed under an unknown secret, which
   * ends it.
   */
  | { readonly outcome: 'missing' | 'taken' | 'expired' | 'node_full' | 'unreadable' };

/** End of a session, as the history keeps it. */
export interface DirectoryEnd {
  readonly id: string;
  readonly code: string;
  /** Epoch of the owner; `undefined` for a session that waits for its client. */
  readonly epoch?: number;
  /** Only if it still waits (`pending`), or is given up (`lost`). */
  readonly only?: 'pending' | 'lost';
  readonly botStartMs?: number;
  /** True to keep it out of the history. */
  readonly isDiscarded?: boolean;
  /** The same for each repetition. */
  readonly nonce: string;
}
