import { fleetCliArgsOf } from './fleet-flags.js';
import type { Flags } from './flags.js';
import { moqCliArgsOf } from './moq-flags.js';

/** Returns the bots' `cli_args`: the flags by the names that Pipecat's own runner gives them, `null` where unset, and those of this runner alone. */
export function cliArgsOf(flags: Flags): Record<string, unknown> {
  return {
    ...moqCliArgsOf(flags),
    ...fleetCliArgsOf(flags),
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
    webrtc_ports: flags.webrtcPorts ?? null,
    webrtc_addresses: flags.webrtcAddresses,
    allowed_origins: flags.allowedOrigins,
    bot: flags.bot ?? null,
    bot_args: flags.botArgs,
    isolate: flags.isolate,
    drain_timeout: flags.drainTimeout,
    recycle_after_sessions: flags.recycleAfterSessions ?? null,
    recycle_memory: flags.recycleMemory ?? null,
  };
}
