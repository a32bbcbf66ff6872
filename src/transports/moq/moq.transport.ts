import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Inject, Injectable } from '@nestjs/common';
import { BotLauncher } from '../../bot/bot-launcher.js';
import { RunnerError } from '../../errors/runner.error.js';
import { draining, type WaitingClient } from '../../sessions/admission.js';
import { SessionRegistry } from '../../sessions/session-registry.js';
import type { Session } from '../../sessions/session.js';
import { RunnerTransport, type StartContext } from '../runner-transport.js';
import { TransportRegistry } from '../transport-registry.js';
import { MOQRunnerArguments } from './dto/moq-runner-arguments.dto.js';
import { MOQ_OPTIONS, type ResolvedMoqOptions } from './moq.options.js';

/** Track of the transcript, which Pipecat's bots publish and its client reads. */
const TRANSCRIPT_TRACK = 'transcript.json.z';

/** Media over QUIC for `/start`: the bot serves the browser itself, or both connect to a relay. */
@Injectable()
export class MoqTransport extends RunnerTransport {
  readonly names = ['moq'];
  private readonly botHoldsPeers: boolean;
  /** Places of one session at a time: the address of a server, or namespaces of a relay. */
  private readonly taken = new Set<string | undefined>();

  constructor(
    @Inject(MOQ_OPTIONS) private readonly options: ResolvedMoqOptions,
    private readonly launcher: BotLauncher,
    private readonly sessions: SessionRegistry,
    registry: TransportRegistry,
  ) {
    super();
    this.botHoldsPeers = launcher.holdsPeers?.(MOQRunnerArguments) ?? false;
    if (this.botHoldsPeers) launcher.preparePeers?.(MOQRunnerArguments);
    registry.register(this);
  }

  override get kind() {
    return 'here' as const;
  }

  override get disabledReason(): string | undefined {
    return this.botHoldsPeers
      ? this.launcher.refusal?.(MOQRunnerArguments)
      : "it needs a Python bot: new ProcessBotLauncher({ python: './bot.py' })";
  }

  /** Launches the bot, and answers when it is ready for the browser. */
  async start({ session, request, client }: StartContext): Promise<Record<string, unknown>> {
    const { options } = this;
    const namespace =
      request.namespace ?? options.namespace ?? `pipecat-${randomBytes(8).toString('hex')}`;
    this.take(session, namespace);
    const { relayUrl, host, port, path } = options;
    // Before 1.12 Pipecat has no relay_url.
    const hasQuery = relayUrl !== undefined && new URL(relayUrl).search !== '';
    const args = new MOQRunnerArguments({
      ...(hasQuery ? { relay_url: relayUrl } : { host, port, path }),
      namespace,
      participant_id: options.botId,
      peer_id: options.clientId,
      verify_ssl: !options.tlsInsecure,
      serve: options.serve,
      bind: options.bind,
      serve_tls_host: options.tlsHost,
      serve_tls_cert: options.tlsCert,
      serve_tls_key: options.tlsKey,
    });
    const fingerprints = await this.launch(session, args, client);
    return {
      moq: {
        // As Pipecat: without a query, whose token is the bot's.
        relayUrl: `https://${host}:${port}${path}`,
        certHash: this.certHash(fingerprints),
        serve: options.serve,
        namespace,
        clientId: options.clientId,
        botId: options.botId,
        transcriptTrack: TRANSCRIPT_TRACK,
      },
    };
  }

  /** Reserves the address, or the namespace, until the process of the session's bot is gone. @throws {RunnerError} `WRONG_STATE` while another has it */
  private take(session: Session, namespace: string): void {
    const { serve, bind } = this.options;
    // Of a path MoQ ignores what is empty: /room/ is room.
    const place = serve ? bind : namespace.split('/').filter(Boolean).join('/');
    if (this.taken.has(place)) {
      throw new RunnerError(
        'WRONG_STATE',
        serve
          ? `The bot of another session listens on ${bind}; with a relay (relayUrl) there can be several.`
          : 'Another session has this namespace.',
      );
    }
    this.taken.add(place);
    void session.ended.then(() => this.taken.delete(place));
  }

  /**
   * Launches the bot, which ends when its client leaves before it has the answer: nobody else finds the bot.
   * @returns SHA-256 fingerprints (hex) of the bot's certificates, when it is ready
   */
  private launch(
    session: Session,
    args: MOQRunnerArguments,
    client: WaitingClient,
  ): Promise<readonly string[]> {
    const { readyTimeoutMs } = this.options;
    let timer: NodeJS.Timeout | undefined;
    let left = (): void => undefined;
    return new Promise<readonly string[]>((resolve, reject) => {
      const notReady = (message: string): void => reject(new RunnerError('NOT_READY', message));
      left = () => notReady('The client left before the bot was ready.');
      if (client.destroyed) return left();
      client.once('close', left);
      const late = `The bot was not ready within ${readyTimeoutMs} ms.`;
      timer = setTimeout(() => notReady(late), readyTimeoutMs);
      const failed = 'The bot ended before it was ready; its log says why.';
      session.onEnd(({ code }) =>
        reject(code === 'draining' ? draining() : new RunnerError('BOT_FAILED', failed)),
      );
      this.sessions.launch(session, args, {
        onReady: ({ certFingerprints = [] }) => {
          if (!session.ending) resolve(certFingerprints);
        },
      });
    }).finally(() => {
      clearTimeout(timer);
      client.off('close', left);
    });
  }

  /** Returns the base64 SHA-256 of a certificate that the browser pins: the bot's own, or that of a self-signed relay. */
  private certHash([own]: readonly string[]): string | null {
    const { serve, tlsCert } = this.options;
    if (serve && own !== undefined) return Buffer.from(own, 'hex').toString('base64');
    if (tlsCert === undefined) return null;
    const { raw } = new X509Certificate(readFileSync(tlsCert));
    return createHash('sha256').update(raw).digest('base64');
  }
}
