import type { Flags } from './flags.js';

/**
 * The flags of Media over QUIC as Pipecat's own runner resolves them without any, since bots may read them on every transport.
 * https://github.com/pipecat-ai/pipecat, `runner/moq.py`
 */
const MOQ_DEFAULTS = {
  moq_connect: null,
  moq_bind: '[::]:4080',
  moq_serve: true,
  moq_namespace: 'pipecat',
  moq_bot_id: 'response',
  moq_client_id: 'request',
  moq_tls_cert: null,
  moq_tls_key: null,
  moq_tls_insecure: false,
  moq_tls_generate: 'localhost',
  moq_host: 'localhost',
  moq_port: 4080,
  moq_path: '/moq',
  moq_tls_host: 'localhost',
};

/** Returns the bots' `cli_args`: the flags by the names that Pipecat's own runner gives them, `null` where unset, and those of this runner alone. */
export function cliArgsOf(flags: Flags): Record<string, unknown> {
  return {
    ...MOQ_DEFAULTS,
    host: flags.host,
    port: flags.port,
    transport: flags.transport ?? null,
    proxy: flags.proxy?.replace(/^https?:\/\//, '').replace(/\/+$/, '') ?? null,
    direct: flags.direct,
    downloads_folder: flags.downloadsFolder ?? null,
    uploads_folder: flags.uploadsFolder ?? null,
    uploads_folder_max_files: flags.uploadsFolderMaxFiles,
    runner_body: flags.runnerBody?.path ?? null,
    verbose: flags.verbose,
    dialin: flags.dialin,
    esp32: flags.esp32,
    whatsapp: flags.whatsapp,
    ws_auth: flags.wsAuth,
    ice_servers: flags.iceServers,
    allowed_origins: flags.allowedOrigins,
    bot: flags.bot ?? null,
    bot_args: flags.botArgs,
    isolate: flags.isolate,
    drain_timeout: flags.drainTimeout,
  };
}
