import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { OwnPrincipal, Principal } from '../auth/runner-auth.js';
import type { RunnerError } from '../errors/runner.error.js';
import type { ResolvedRunnerOptions } from '../runner.options.js';
import { Capacity, nobodyCame, PendingSessions } from '../sessions/admission.js';
import {
  type ListedSession,
  type OpenSession,
  SessionHistory,
} from '../sessions/session-registry.js';
import type { Session } from '../sessions/session.js';
import { type AbandonedSession, abandonedOf, Fleet } from './fleet.js';
import { RecentCalls } from './recent-calls.js';

/** The fleet of a runner that is alone, in memory. Each decision is one synchronous step, so two starts never share the last slot. */
@Injectable()
export class LocalFleet extends Fleet {
  capacity!: Capacity;
  waiting!: PendingSessions;
  history!: SessionHistory;
  private readonly recent = new RecentCalls<unknown>();

  attach({ maxSessions, pendingTtlMs, sessionHistory }: ResolvedRunnerOptions): void {
    this.capacity = new Capacity(maxSessions);
    this.history = new SessionHistory(sessionHistory);
    this.waiting = new PendingSessions(pendingTtlMs, (expired) => {
      // One error for all of them, since creating errors is expensive.
      const reason = nobodyCame();
      for (const session of expired) void session.end(reason);
    });
  }

  get hasPlace(): boolean {
    return !this.capacity.isFull;
  }

  refusal(principal?: Principal): RunnerError | undefined {
    return this.capacity.refusal(principal);
  }

  open(request: OpenSession, principal?: OwnPrincipal): string | RunnerError {
    const refusal = this.capacity.refusal(principal);
    if (refusal) return refusal;
    this.capacity.take(principal);
    return request.id ?? randomUUID();
  }

  opened(session: Session, { isConnected, connectTimeoutMs }: OpenSession): void {
    this.waiting.add(session);
    if (isConnected || connectTimeoutMs === undefined) return;
    const expire = (): void => {
      if (session.state.name === 'pending') void session.end(nobodyCame());
    };
    session.after(connectTimeoutMs, expire)?.unref();
  }

  claim(id: string, transports: readonly string[]): Session | undefined {
    const session = this.waiting.get(id);
    return session && transports.includes(session.transport) ? session : undefined;
  }

  abandon(id: string, callId: string): AbandonedSession {
    const ended = this.history.get(id);
    return ended ? abandonedOf(ended, callId) : {};
  }

  own(): undefined {
    return undefined;
  }

  adopt(session: Session, principal: OwnPrincipal): void {
    const refusal = this.capacity.shareRefusal(principal);
    if (refusal) throw refusal;
    this.capacity.takeShare(principal);
    this.capacity.freeShare(session.principal);
  }

  end(session: Session): void {
    if (!session.isDiscarded) this.history.add(session);
    this.capacity.free(session.principal);
  }

  list(live: readonly Session[]): ListedSession[] {
    return [...live, ...this.history.all];
  }

  find(id: string, live: Session | undefined): ListedSession | undefined {
    return live ?? this.history.get(id);
  }

  once<T>(key: string, answer: () => Promise<T>): Promise<T> {
    // Each key has answers of one kind.
    return this.recent.once(key, answer) as Promise<T>;
  }

  get held(): number {
    return this.waiting.size;
  }

  retire(): boolean {
    return (this.capacity.retiring = true);
  }

  close(): Session[] {
    this.capacity.closed = true;
    return [...this.waiting.values()];
  }
}
