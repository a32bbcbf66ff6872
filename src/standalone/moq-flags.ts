import { type Command, Option } from 'commander';
import { isInstance } from '../errors/thrown.js';
import { type MoqOptions, resolveMoqOptions } from '../transports/moq/moq.options.js';
import { InvalidOptionsError } from '../validation/options.js';

/** Flags of Media over QUIC, by the names of Pipecat's own runner. */
export interface MoqFlags {
  readonly moqConnect?: string;
  readonly moqBind?: string;
  readonly moqServe?: boolean;
  readonly moqNamespace?: string;
  readonly moqBotId: string;
  readonly moqClientId: string;
  readonly moqTlsCert?: string;
  readonly moqTlsKey?: string;
  readonly moqTlsInsecure: boolean;
  readonly moqTlsGenerate?: string;
}

/** Adds the flags to the command line. */
export const addMoqFlags = (command: Command): Command =>
  command
    .option('--moq-connect <url>', 'relay that bot and browser connect to (MoQ)')
    .option('--moq-bind <address>', 'UDP address of the bot (MoQ, default: [::]:4080)')
    .option('--moq-serve', 'have the bot be the server (MoQ, the default without --moq-connect)')
    .option('--moq-namespace <name>', 'namespace of sessions (MoQ, default: pipecat, or random)')
    .option('--moq-bot-id <name>', 'broadcast name of the bot (MoQ)', 'response')
    .option('--moq-client-id <name>', 'broadcast name of the browser (MoQ)', 'request')
    .option('--moq-tls-cert <file>', 'certificate chain, PEM (MoQ)')
    .option('--moq-tls-key <file>', 'private key of --moq-tls-cert, PEM (MoQ)')
    .option('--moq-tls-insecure', 'accept any certificate of the relay (MoQ)', false)
    .addOption(
      new Option(
        '--moq-tls-generate <host>',
        'host name of a self-signed certificate (MoQ, default: localhost)',
      ),
    );

/** Options of the transport. A relay counts only where the bot is not the server. */
export const moqOptionsOf = (flags: MoqFlags): MoqOptions => ({
  relayUrl: flags.moqServe ? undefined : flags.moqConnect,
  bind: flags.moqBind,
  namespace: flags.moqNamespace,
  botId: flags.moqBotId,
  clientId: flags.moqClientId,
  tlsHost: flags.moqTlsGenerate,
  tlsCert: flags.moqTlsCert,
  tlsKey: flags.moqTlsKey,
  tlsInsecure: flags.moqTlsInsecure,
});

/** Exits with the problem of a flag that cannot be used. */
export function checkMoqFlags(flags: MoqFlags, command: Command): void {
  try {
    resolveMoqOptions(moqOptionsOf(flags));
  } catch (error) {
    if (!isInstance(error, InvalidOptionsError)) throw error;
    const [problem = ''] = error.problems;
    command.error(
      `error: --moq-${FLAG_OF[problem.split(' ')[0]!]} ${problem.replace(/^\S+ /, '')}`,
    );
  }
}

const FLAG_OF: Readonly<Record<string, string>> = {
  relayUrl: 'connect',
  bind: 'bind',
  namespace: 'namespace',
  botId: 'bot-id',
  clientId: 'client-id',
  tlsHost: 'tls-generate',
  tlsCert: 'tls-cert',
  tlsKey: 'tls-key',
};

/**
 * Returns the flags as Pipecat's own runner resolves them, since bots may read them on every transport.
 * https://github.com/pipecat-ai/pipecat, `runner/moq.py`
 */
export function moqCliArgsOf(flags: MoqFlags): Record<string, unknown> {
  const { serve, host, port, path, bind, namespace } = resolveMoqOptions(moqOptionsOf(flags));
  const generated = flags.moqTlsCert === undefined && serve ? 'localhost' : null;
  return {
    moq_connect: flags.moqConnect ?? null,
    moq_bind: bind ?? null,
    moq_serve: serve,
    moq_namespace: namespace ?? null,
    moq_bot_id: flags.moqBotId,
    moq_client_id: flags.moqClientId,
    moq_tls_cert: flags.moqTlsCert ?? null,
    moq_tls_key: flags.moqTlsKey ?? null,
    moq_tls_insecure: flags.moqTlsInsecure,
    moq_tls_generate: flags.moqTlsGenerate ?? generated,
    moq_host: host,
    moq_port: port,
    moq_path: path,
    moq_tls_host: host,
  };
}
