import { spawnSync } from 'node:child_process';
import { MOQRunnerArguments, SmallWebRTCRunnerArguments, VonageRunnerArguments } from '../bot.js';
import { pythonOf } from './bot-program.js';
import type { ResolvedProcessBotOptions } from './process-bot.options.js';

/** Timeout of the look-up, in milliseconds. */
const TIMEOUT_MS = 10_000;
const PRINT_MISSING =
  'import importlib.util, sys; print(*[name for name in sys.argv[1:] if importlib.util.find_spec(name) is None])';

/** Packages of a Pipecat transport. */
interface PythonTransport {
  /** Modules that are loaded ahead of a conversation. With MoQ `/start` waits for the bot anyway. */
  readonly modules?: readonly string[];
  /** Importable packages that it needs. */
  readonly packages: readonly string[];
  /** Pipecat's extra that installs them. */
  readonly extra: string;
}

const TRANSPORTS = new Map<unknown, PythonTransport>([
  [
    SmallWebRTCRunnerArguments,
    {
      // The second is what aiortc imports for its first certificate.
      modules: ['pipecat.transports.smallwebrtc.transport', 'cryptography.hazmat.backends.openssl'],
      packages: ['aiortc'],
      extra: 'webrtc',
    },
  ],
  [
    MOQRunnerArguments,
    {
      packages: ['moq', 'cryptography'],
      extra: 'moq',
    },
  ],
  [
    VonageRunnerArguments,
    {
      packages: ['vonage_video_connector'],
      extra: 'vonage-video-connector',
    },
  ],
]);

/** Python packages of a bot's environment, as far as transports whose connection lives in the bot's process need them. */
export class PythonPackages {
  private readonly problems = new Map<PythonTransport, string | undefined>();

  constructor(private readonly options: ResolvedProcessBotOptions) {}

  /** True for arguments whose connection lives in the bot's process. */
  knows(args: unknown): boolean {
    return TRANSPORTS.has(args);
  }

  /** Returns the modules to load ahead of a conversation with a class of arguments. */
  modulesOf(args: unknown): readonly string[] {
    return TRANSPORTS.get(args)?.modules ?? [];
  }

  /** Returns which packages are missing for a class of arguments, with the line that installs them. Looked up once, in the bot's own Python. */
  problem(args: unknown): string | undefined {
    const transport = TRANSPORTS.get(args);
    if (!transport) return undefined;
    if (!this.problems.has(transport)) this.problems.set(transport, this.look(transport));
    return this.problems.get(transport);
  }

  private look({ packages, extra }: PythonTransport): string | undefined {
    const { command, args, cwd, env } = pythonOf(this.options);
    const { status, stdout } = spawnSync(command, [...args, '-c', PRINT_MISSING, ...packages], {
      cwd,
      env,
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
    });
    // The log of the bot's first process says what is wrong with the interpreter.
    if (status !== 0) return undefined;
    const missing = stdout.trim().split(' ').filter(Boolean);
    if (missing.length === 0) return undefined;
    const which = missing.join(' and ');
    return `${which} is not installed for the bot: ${command} -m pip install 'pipecat-ai[${extra}]'`;
  }
}
