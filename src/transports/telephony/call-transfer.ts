import { isInstance, textOfThrown } from '../../errors/thrown.js';
import { Injectable } from '@nestjs/common';
import type { CallData } from '../../bot/call-data.js';
import { CallLimits } from '../../calls/call-limits.js';
import { CALL_TARGETS, parseCallTarget } from '../../calls/call-target.js';
import { RunnerError } from '../../errors/runner.error.js';
import type { TransferOptions, TransferOutcome } from '../../media/media-connection.js';
import type { HandOver } from '../../sessions/session-context.js';
import type { Session } from '../../sessions/session.js';
import { CallDocuments } from './call-documents.js';
import { CarrierApis, isCallId } from './carrier-apis.js';
import type { ApiTransfer } from './carriers/carrier.js';

/** Transfers calls through the carriers' REST APIs, where credentials are configured. */
@Injectable()
export class CallTransfer {
  constructor(
    private readonly apis: CarrierApis,
    private readonly documents: CallDocuments,
    private readonly limits: CallLimits,
  ) {}

  /** Returns a function that transfers the call of a session; `undefined` without API or credentials. */
  of(session: Session, carrier: string, { call_id: callId }: CallData): HandOver['transfer'] {
    const api = this.apis.of(carrier, this.apis.credentialsOf(session));
    if (!api || !isCallId(callId)) return undefined;
    const transfer = async (to: string, options: TransferOptions): Promise<TransferOutcome> => {
      try {
        const asked = await this.prepare(session, carrier, callId, to, options);
        await api.send(api.calls.transferCall(asked), { repeatable: false });
        return { ok: true };
      } catch (error) {
        if (isInstance(error, RunnerError)) return { ok: false, error: error.message };
        session.logger.error(`a transfer failed: ${textOfThrown(error).text}`);
        return { ok: false, error: 'The runner failed unexpectedly; its log says why.' };
      }
    };
    return async (to, options) => {
      const outcome = transfer(to, options);
      await session.whileTransferring(outcome);
      return outcome;
    };
  }

  /** @throws {RunnerError} for an invalid target, or one that `CallLimits` refuses */
  private async prepare(
    session: Session,
    carrier: string,
    callId: string,
    to: string,
    { callerId }: TransferOptions,
  ): Promise<ApiTransfer> {
    const target = parseCallTarget(to);
    if (!target) throw new RunnerError('BAD_REQUEST', `The target must be ${CALL_TARGETS}.`);
    if (callerId !== undefined && parseCallTarget(callerId)?.kind !== 'number') {
      throw new RunnerError(
        'BAD_REQUEST',
        "callerId must be a number in E.164 such as '+15550001'.",
      );
    }
    await this.limits.checkTransfer({ tenant: session.principal?.id, carrier, to: target.address });
    return { callId, target, callerId, urlOf: (xml) => this.documents.urlOf(xml) };
  }
}
