import { timingSafeEqual } from 'node:crypto';
import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { RunnerServing } from '../http/runner-serving.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import {
  OwnPrincipal,
  type AuthRequest,
  partsOf,
  type Principal,
  RunnerAuth,
} from './runner-auth.js';
import { digestOf, type RunnerKey, sha256 } from './runner-key.js';

interface KnownKey {
  readonly digest: Buffer;
  readonly manages: boolean;
  readonly principal: Principal;
}

/** Validated once, and so passed on as it is. */
const ANYBODY = OwnPrincipal.of({});

/**
 * API key authentication (`Authorization: Bearer <key>`): a public key starts and reaches sessions, a private key does everything. Once any key is
 * configured, no route is open.
 */
@Injectable()
export class KeyAuth extends RunnerAuth {
  private readonly keys: readonly KnownKey[];

  constructor(
    @Inject(RUNNER_OPTIONS) { publicKeys, privateKeys }: ResolvedRunnerOptions,
    @Optional() serving?: RunnerServing,
  ) {
    super();
    this.keys = [
      ...privateKeys.map((key) => knownKey(key, true)),
      ...publicKeys.map((key) => knownKey(key, false)),
    ];
    if (!this.isOpen) return;
    // An application that does not serve is not reachable.
    if (serving) serving.onServing('auth', warnThatAllIsOpen);
    else warnThatAllIsOpen();
  }

  /** True without any key, when all routes are open. */
  get isOpen(): boolean {
    return this.keys.length === 0;
  }

  authorize({ access, request }: AuthRequest): Principal | undefined {
    if (this.isOpen) return ANYBODY;
    const given = /^bearer +(\S+)\s*$/i.exec(request.headers.authorization ?? '')?.[1];
    const found = this.find(given ?? '');
    return found && (found.manages || access !== 'manage') ? found.principal : undefined;
  }

  /** True for one of the keys, in whatever scheme. */
  override isCredential(authorization: string): boolean {
    return partsOf(authorization).some((part) => this.find(part) !== undefined);
  }

  /** Compares hashes with all keys, in constant time. */
  private find(given: string): KnownKey | undefined {
    const digest = sha256(given);
    let found: KnownKey | undefined;
    for (const key of this.keys) {
      if (timingSafeEqual(key.digest, digest)) found ??= key;
    }
    return found;
  }
}

function warnThatAllIsOpen(): void {
  new Logger('PipecatRunner').warn(
    'NOT PROTECTED: everybody who reaches this runner can start, see and stop sessions. ' +
      'Set publicKeys and privateKeys, or auth, in RunnerModule.forRoot({ … }).',
  );
}

function knownKey(configured: RunnerKey, manages: boolean): KnownKey {
  const { key, name, maxSessions } =
    typeof configured === 'string' ? { key: configured } : configured;
  const digest = digestOf(key);
  return {
    digest,
    manages,
    principal: OwnPrincipal.of({
      id: name ?? digest.toString('hex'),
      maxSessions,
      // Unnamed keys belong to one client, for key rotation; private keys start sessions on behalf of other clients.
      ...((manages || name === undefined) && { owner: null }),
      ...(manages && { reachesAll: true }),
    }),
  };
}
