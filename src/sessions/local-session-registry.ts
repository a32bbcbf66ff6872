import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../auth/runner-auth.js';
import { BotLauncher } from '../bot/bot-launcher.js';
import { FileStorage } from '../bot/file-storage.js';
import { Fleet } from '../fleet/fleet.js';
import { LocalFleet } from '../fleet/local-fleet.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import { FleetSessionRegistry } from './fleet-session-registry.js';
import type { MaybePromise, OpenSession } from './session-registry.js';
import type { Session } from './session.js';

/** Session registry of a runner that is alone: the same, without a wait. */
@Injectable()
export class LocalSessionRegistry extends FleetSessionRegistry {
  constructor(
    @Inject(RUNNER_OPTIONS) options: ResolvedRunnerOptions,
    launcher: BotLauncher,
    files?: FileStorage,
    @Inject(Fleet) fleet: LocalFleet = new LocalFleet(),
  ) {
    super(options, launcher, files, fleet);
  }

  override open(request: OpenSession): Session {
    return atOnce(super.open(request));
  }

  override adopt(session: Session, terms: Omit<OpenSession, 'transport'>): void {
    atOnce(super.adopt(session, terms));
  }

  override claim(
    id: string,
    transports: readonly string[],
    principal?: Principal,
  ): Session | undefined {
    return atOnce(super.claim(id, transports, principal));
  }
}

/** @throws {TypeError} for a promise, which a LocalFleet never returns */
function atOnce<T>(value: MaybePromise<T>): T {
  if (value instanceof Promise) throw new TypeError('a runner alone decides at once');
  return value;
}
