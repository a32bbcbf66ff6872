import { Command, InvalidArgumentError, Option } from 'commander';
import { textOfThrown } from '../errors/thrown.js';
import type { IceServer } from '../transports/small-webrtc/peer/peer.js';
import { parseIceServers } from '../transports/small-webrtc/parse-ice-servers.js';
import { isReachable } from '../transports/small-webrtc/small-webrtc.options.js';
import { isPublicUrl, PUBLIC_URL } from '../runner.options.js';
import { addFleetFlags, checkFleetFlags, type FleetFlags } from './fleet-flags.js';
import { addMoqFlags, checkMoqFlags, type MoqFlags } from './moq-flags.js';
import { count, port, seconds } from './numbers.js';
import { readRunnerBody } from './runner-body.js';

/** Flags of the command line and the environment, with the Python runner's names and defaults. */
export interface Flags extends FleetFlags, MoqFlags {
  readonly host: string;
  readonly port: number;
  readonly transport?: string;
  readonly proxy?: string;
  readonly bot?: string;
  /** Runs each session's bot in a process of its own. */
  readonly isolate: boolean;
  /** The bot's own flags, after `--`. */
  readonly botArgs: readonly string[];
  /** Folder served at `/files/`. */
  readonly downloadsFolder?: string;
  /** Folder of uploaded files. */
  readonly uploadsFolder?: string;
  /** Limit of uploaded files, the oldest of which are removed. */
  readonly uploadsFolderMaxFiles: number;
  /** The `--runner-body` file: default body of WebSocket sessions. */
  readonly runnerBody?: { readonly path: string; readonly content: unknown };
  /** Serves Daily's dial-in webhook. */
  readonly dialin: boolean;
  /** `--direct`. */
  readonly direct: boolean;
  /** Transport of the one session that is started without a server: `--direct`, or `-t vonage` with the Vonage session of the environment. */
  readonly meeting?: 'daily' | 'vonage-video';
  readonly wsAuth: 'none' | 'token';
  /** Carriers whose calls need no token, although webhooks are verified. */
  readonly openCarriers: string[];
  readonly allowedOrigins: string[];
  /** STUN and TURN servers for WebRTC. */
  readonly iceServers: IceServer[];
  /** Range of UDP ports for WebRTC. */
  readonly webrtcPorts?: [min: number, max: number];
  /** Additional addresses that WebRTC announces. */
  readonly webrtcAddresses: string[];
  /** Answers WebRTC offers for ESP32 devices. */
  readonly esp32: boolean;
  /** Requires the credentials of WhatsApp. */
  readonly whatsapp: boolean;
  /** Time-out of a graceful shutdown, in seconds. */
  readonly drainTimeout: number;
  /** Number of ended sessions after which the runner ends, for its supervisor to start another. */
  readonly recycleAfterSessions?: number;
  /** Resident memory beyond which the same happens, in MB. */
  readonly recycleMemory?: number;
  readonly verbose: number;
}

/**
 * Parses the command line, with defaults from the environment. Prints help or an error and exits, as command lines do.
 *
 * @param argv without the interpreter and the script
 * @param transports names that `-t` accepts
 * @param env the process' own, with the defaults of flags
 */
export function parseFlags(
  argv: readonly string[],
  transports: readonly string[],
  env: NodeJS.ProcessEnv,
): Flags {
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
  const command = new Command('pipecat-runner')
    .description("Runs a voice bot behind Pipecat's runner protocol.")
    .option('--host <host>', 'address to listen on', 'localhost')
    .option('--port <port>', 'port to listen on, 0 for any free one', port, 7860)
    .addOption(
      new Option(
        '-t, --transport <name>',
        `accept only this transport, and make it the default (choices: ${transports.join(', ')})`,
      ).argParser(transportOf(transports)),
    )
    .addOption(
      new Option('-x, --proxy <host>', 'public host name, such as mybot.ngrok.io')
        .argParser(publicHost)
        .env('PIPECAT_PUBLIC_URL'),
    )
    .option('-d, --direct', 'meet in a Daily room at once, without a server (testing only)', false)
    .option('-f, --downloads-folder <folder>', 'folder whose files can be had at /files/')
    .addOption(new Option('--folder <folder>', 'the same as --downloads-folder').hideHelp())
    .addOption(
      new Option(
        '-u, --uploads-folder <folder>',
        'folder for the files that clients upload, made when the first one comes',
      ).env('PIPECAT_UPLOADS_FOLDER'),
    )
    .option(
      '--uploads-folder-max-files <count>',
      'how many uploaded files are kept, of each session and of those without one; 0 for all',
      count(0),
      10,
    )
    .option(
      '--runner-body <file>',
      'JSON or YAML file that is the body of WebSocket sessions which come without one',
      runnerBody,
    )
    .option('--dialin', "take Daily's dial-in webhook (the default)", true)
    .option('--no-dialin', "do not take Daily's dial-in webhook")
    .option(
      '--bot <file>',
      'module whose default export is a BotLauncher class or a function, or a Pipecat bot.py (default: an echo bot)',
    )
    .option(
      '--isolate',
      'run the bot in a process for each conversation, as a bot.py always is',
      false,
    )
    .addOption(
      new Option('--ws-auth <mode>', 'whether WebSockets need a token from /start')
        .choices(['none', 'token'])
        .default('none')
        .env('PIPECAT_WEBSOCKET_AUTH'),
    )
    .option(
      '--open-carriers <names...>',
      'carriers whose calls need no token at /ws, although the webhooks of one are verified',
    )
    .addOption(
      new Option(
        '--allowed-origins [origins...]',
        'origins browsers may call from (default: all)',
      ).env('PIPECAT_ALLOWED_ORIGINS'),
    )
    .addOption(
      new Option(
        '--ice-servers [servers...]',
        'STUN and TURN servers: URLs, or JSON objects with urls, username, credential',
      ).env('PIPECAT_ICE_SERVERS'),
    )
    .addOption(
      new Option(
        '--webrtc-ports <min-max>',
        'UDP ports for WebRTC, such as 40000-40199 (default: any)',
      )
        .argParser(portRange)
        .env('PIPECAT_WEBRTC_PORTS'),
    )
    .addOption(
      new Option(
        '--webrtc-addresses <addresses...>',
        'addresses of this machine that it does not know itself, for WebRTC behind NAT',
      ).env('PIPECAT_WEBRTC_ADDRESSES'),
    )
    .option('--esp32', 'answer WebRTC offers of ESP32 devices (needs --host <IP address>)', false)
    .option('--whatsapp', 'fail without the credentials of WhatsApp (WHATSAPP_TOKEN, …)', false)
    .option(
      '--drain-timeout <seconds>',
      'how long conversations may go on after SIGTERM or Ctrl-C; a second signal ends them at once',
      seconds,
      20,
    )
    .addOption(
      new Option(
        '--recycle-after-sessions <count>',
        'take no more after so many conversations, and end with the last one; a supervisor starts the next runner',
      )
        .argParser(count(1))
        .env('PIPECAT_RECYCLE_AFTER_SESSIONS'),
    )
    .addOption(
      new Option('--recycle-memory <megabytes>', 'the same beyond so much resident memory')
        .argParser(count(1))
        .env('PIPECAT_RECYCLE_MEMORY'),
    )
    .option('-v, --verbose', 'log more; twice, even more', (_, before: number) => before + 1, 0)
    .addHelpText('after', "\nThe bot's own flags come last, after --.")
    .showHelpAfterError('(--help lists what is accepted)');
  addFleetFlags(addMoqFlags(command)).parse(argv.slice(0, end), { from: 'user' });
  const flags = command.opts<
    Omit<
      Flags,
      'allowedOrigins' | 'iceServers' | 'botArgs' | 'openCarriers' | 'webrtcAddresses'
    > & {
      openCarriers?: string[];
      webrtcAddresses?: string[];
      allowedOrigins?: string[] | true;
      iceServers?: string[] | true;
      folder?: string;
    }
  >();
  checkMoqFlags(flags, command);
  if (flags.direct && flags.transport !== undefined && flags.transport !== 'daily') {
    command.error(`error: --direct works with Daily only, not with -t ${flags.transport}`);
  }
  if (flags.isolate && flags.bot === undefined) {
    command.error('error: --isolate needs a --bot to run in a process of its own');
  }
  if (flags.esp32 && !isReachable(flags.host)) {
    command.error('error: --esp32 needs --host with the IP address that the device reaches');
  }
  const { allowedOrigins, iceServers, openCarriers, webrtcAddresses, folder, ...rest } = flags;
  // Commander's `true` is the flag without a value: an empty list, even with the environment variable set.
  const parsed: Flags = {
    ...rest,
    meeting: flags.direct
      ? 'daily'
      : flags.transport === 'vonage' && env.VONAGE_SESSION_ID
        ? 'vonage-video'
        : undefined,
    transport: flags.direct ? 'daily' : flags.transport === 'eval' ? undefined : flags.transport,
    downloadsFolder: rest.downloadsFolder ?? folder,
    botArgs: argv.slice(end + 1),
    openCarriers: splitList(openCarriers),
    allowedOrigins: allowedOrigins === true ? [] : splitList(allowedOrigins),
    iceServers: iceServers === true ? [] : iceServersOf(iceServers, command),
    webrtcAddresses: splitList(webrtcAddresses),
  };
  checkFleetFlags(parsed, env, command);
  return parsed;
}

/** Parses ICE servers: of the environment, which Commander has as a list of one text, or of the command line. */
function iceServersOf(given: string[] | undefined, command: Command): IceServer[] {
  const isOfEnv = command.getOptionValueSource('iceServers') === 'env';
  try {
    return parseIceServers(isOfEnv ? given?.[0] : given);
  } catch (error) {
    return command.error(`error: ${textOfThrown(error).message}`);
  }
}

/** Splits comma-separated strings, as the environment gives them. */
export function splitList(texts: string[] = []): string[] {
  return texts.flatMap((text) => text.split(',')).flatMap((one) => one.trim() || []);
}

function portRange(text: string): [number, number] {
  const [, min, max] = /^(\d+)-(\d+)$/.exec(text) ?? [];
  if (min === undefined || max === undefined) {
    throw new InvalidArgumentError('It must be two ports such as 40000-40199.');
  }
  return [port(min), port(max)];
}

function runnerBody(path: string): Flags['runnerBody'] {
  try {
    return { path, content: readRunnerBody(path) };
  } catch (error) {
    throw new InvalidArgumentError(
      `It must be a JSON or YAML file: ${textOfThrown(error).message}.`,
    );
  }
}

/** Checks `-t`: the names of this runner, and those that Pipecat's own has beside them. */
const transportOf =
  (transports: readonly string[]) =>
  (name: string): string => {
    // Deprecated there too: evals connect to /ws, whatever the transport is.
    if (transports.includes(name) || name === 'eval') return name;
    throw new InvalidArgumentError(`Allowed choices are ${transports.join(', ')}.`);
  };

function publicHost(text: string): string {
  if (!isPublicUrl(text)) throw new InvalidArgumentError(`It ${PUBLIC_URL}.`);
  return text;
}
