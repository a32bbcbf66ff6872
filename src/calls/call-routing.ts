import { textOfThrown } from '../errors/thrown.js';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { RunnerError } from '../errors/runner.error.js';
import { within } from '../errors/attempt.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import { type OpenSession, SessionRegistry } from '../sessions/session-registry.js';
import type { SessionCall } from '../sessions/session-state.js';
import {
  CallRefusedError,
  type AcceptedCall,
  CallRouter,
  type IncomingCall,
  TakeEveryCall,
  type CallDecision,
} from './call-router.js';
import { isObject } from '../validation/is-object.js';

/** Call data known to a transport. */
export type KnownCall = Omit<IncomingCall, 'signal'>;

/** Asks the host's {@link CallRouter}, with a timeout. */
@Injectable()
export class CallRouting {
  private readonly logger = new Logger('PipecatRunner');

  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly router: CallRouter,
    private readonly sessions: SessionRegistry,
  ) {}

  /** True when the host routes calls. */
  get isOn(): boolean {
    return !(this.router instanceof TakeEveryCall);
  }

  /**
   * Returns the host's decision to accept a call. A refusal is reported, unless there is a session, whose end is recorded.
   * @param checks of fields that only the transport can check, such as `credentials`
   * @throws {CallRefusedError} for a refusal, or a RunnerError `NO_DECISION` on error or timeout
   */
  async route(
    call: KnownCall,
    checks?: Readonly<Record<string, FieldCheck>>,
  ): Promise<AcceptedCall> {
    if (!this.isOn) return {};
    try {
      const decision = await this.ask('route', call, async (asked) =>
        checkedDecision(await this.router.route(asked), checks),
      );
      if (decision.refuse !== undefined) throw new CallRefusedError(decision.refuse);
      return decision;
    } catch (error) {
      throw call.stage === 'connection' ? error : this.refused(error, call);
    }
  }

  /**
   * Returns the keys of a call's webhook signature; `undefined` applies the module's.
   * @throws {RunnerError} `NO_DECISION`
   */
  async webhookKeys(call: KnownCall): Promise<readonly string[] | undefined> {
    if (!this.isOn) return undefined;
    try {
      return await this.ask('webhookKeys', call, async (asked) => {
        const keys = await this.router.webhookKeys?.(asked);
        if (keys === undefined) return undefined;
        const list = [keys].flat();
        if (list.every((key) => typeof key === 'string' && key !== '')) return list;
        throw new TypeError('keys must be a string that is not empty, or a list of them');
      });
    } catch (error) {
      throw this.refused(error, call);
    }
  }

  private refused(error: unknown, call: KnownCall): unknown {
    return this.sessions.observers.refused(error, {
      transport: call.transport,
      call: inboundCall(call),
    });
  }

  private async ask<T>(
    what: string,
    call: KnownCall,
    ask: (call: IncomingCall) => Promise<T>,
  ): Promise<T> {
    const { callRouterTimeoutMs } = this.options;
    const over = new AbortController();
    const tooLong = (): Error => {
      const error = new Error(`no decision within ${callRouterTimeoutMs} ms`);
      over.abort(error);
      return error;
    };
    try {
      return await within(callRouterTimeoutMs, ask({ ...call, signal: over.signal }), tooLong);
    } catch (error) {
      this.logger.error(
        `callRouter.${what}() failed for a call from ${call.transport}: ${textOfThrown(error).text}`,
      );
      throw new RunnerError(
        'NO_DECISION',
        'There is no decision about this call; try again later.',
        { cause: error },
      );
    }
  }
}

/** Returns the session terms of an accepted call. */
export const sessionOfCall = ({
  bot,
  body,
  principal,
  maxDurationMs,
}: AcceptedCall): Omit<OpenSession, 'transport'> => ({
  bot,
  body,
  principal,
  maxDurationMs,
});

/** Returns the call of an inbound session. */
export const inboundCall = ({ from, to, callId }: KnownCall): SessionCall => ({
  direction: 'inbound',
  from,
  to,
  callId,
});

/** Check of one field: returns what is accepted, or `undefined` for a valid value. */
type FieldCheck = (value: unknown) => string | undefined;

const CHECKS: Record<string, FieldCheck> = {
  refuse: (value) =>
    value === 'busy' || value === 'rejected' || (isObject(value) && typeof value.say === 'string')
      ? undefined
      : "must be 'busy', 'rejected' or { say: 'a text' }",
  bot: (value) => (typeof value === 'string' ? undefined : 'must be a string'),
  body: () => undefined,
  customParameters: (value) =>
    isObject(value) && Object.values(value).every((one) => typeof one === 'string')
      ? undefined
      : 'must be an object of strings',
  principal: (value) =>
    isObject(value) ? undefined : 'must be an object such as { id, maxSessions, claims }',
  maxDurationMs: (value) =>
    typeof value === 'number' && value > 0 ? undefined : 'must be a number of milliseconds above 0',
  credentials: (value) =>
    isObject(value) ? undefined : "must be an object of accounts by the carrier's name",
};

/**
 * Validates the decision of a host's `CallRouter`.
 * @param own checks of fields that only the call's transport knows
 * @throws {TypeError} naming what is wrong and what is accepted
 */
function checkedDecision(
  value: unknown,
  own: Readonly<Record<string, FieldCheck>> = {},
): CallDecision {
  const checks = { ...CHECKS, ...own };
  if (!isObject(value)) {
    throw new TypeError('a decision must be an object: {} takes the call, { refuse } does not');
  }
  for (const [name, field] of Object.entries(value)) {
    if (field === undefined) continue;
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    const problem = check
      ? check(field)
      : `is not known; there are ${Object.keys(CHECKS).join(', ')}`;
    if (problem) throw new TypeError(`${name} of a decision ${problem}`);
  }
  return value;
}
