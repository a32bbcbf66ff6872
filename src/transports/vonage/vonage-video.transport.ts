import { Inject, Injectable } from '@nestjs/common';
import { BotLauncher } from '../../bot/bot-launcher.js';
import { within } from '../../errors/attempt.js';
import { logThrown, RunnerLogger } from '../../errors/runner-logger.js';
import { isInstance } from '../../errors/thrown.js';
import { RunnerError } from '../../errors/runner.error.js';
import { ProviderError } from '../../http/provider-error.js';
import { SessionRegistry } from '../../sessions/session-registry.js';
import type { Session } from '../../sessions/session.js';
import { RunnerTransport, type StartContext } from '../runner-transport.js';
import { TransportRegistry } from '../transport-registry.js';
import { VonageRunnerArguments } from './dto/vonage-runner-arguments.dto.js';
import {
  checkedRoom,
  type ResolvedVonageVideoOptions,
  VONAGE_VIDEO_OPTIONS,
  type VonageVideoRoom,
} from './vonage-video.options.js';

/** Sessions of Vonage's Video API for `/start`. Named apart from the carrier `vonage`, its Audio Connector. */
@Injectable()
export class VonageVideoTransport extends RunnerTransport {
  readonly names = ['vonage-video'];

  constructor(
    @Inject(VONAGE_VIDEO_OPTIONS) private readonly options: ResolvedVonageVideoOptions,
    private readonly launcher: BotLauncher,
    private readonly sessions: SessionRegistry,
    registry: TransportRegistry,
  ) {
    super();
    registry.register(this);
  }

  override get kind() {
    return 'room' as const;
  }

  override get disabledReason(): string | undefined {
    const { applicationId, sessionId, token, createRoom } = this.options;
    const missing = Object.entries({
      VONAGE_APPLICATION_ID: applicationId,
      ...(!createRoom && { VONAGE_SESSION_ID: sessionId, VONAGE_TOKEN: token }),
    }).flatMap(([name, value]) => (value === undefined ? [name] : []));
    return missing.length > 0
      ? `${missing.join(', ')} not set`
      : this.launcher.refusal?.(VonageRunnerArguments);
  }

  /** Sends the bot to the session's room, or the shared one. */
  async start({ session }: StartContext): Promise<Record<string, unknown>> {
    const application_id = this.options.applicationId!;
    const { sessionId, token, clientToken } = await this.room(session);
    this.sessions.launch(
      session,
      new VonageRunnerArguments({ application_id, vonage_session_id: sessionId, token }),
    );
    return {
      applicationId: application_id,
      vonageSessionId: sessionId,
      ...(clientToken !== undefined && { token: clientToken }),
    };
  }

  /** @throws {RunnerError} that of the host's `createRoom`, or `PROVIDER_REFUSED` or `PROVIDER_TIMEOUT` */
  private async room(session: Session): Promise<VonageVideoRoom> {
    const { createRoom, sessionId, token, timeoutMs } = this.options;
    if (!createRoom) return { sessionId: sessionId!, token: token! };
    const tooLong = (): Error =>
      new ProviderError('PROVIDER_TIMEOUT', `No Vonage session was created in ${timeoutMs} ms.`);
    try {
      // Asynchronous, so that it cannot throw before it is awaited.
      const created = (async () => checkedRoom(await createRoom(session)))();
      return await within(timeoutMs, created, tooLong);
    } catch (error) {
      if (isInstance(error, RunnerError)) throw error;
      logThrown(new RunnerLogger('PipecatRunner'), 'createRoom() failed:', error);
      throw new ProviderError(
        'PROVIDER_REFUSED',
        'No Vonage session could be created; the log says why.',
        { cause: error },
      );
    }
  }
}
