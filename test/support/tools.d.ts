/** Names of what tests need beside npm's packages. */
export type ToolName =
  | 'chromium'
  | 'firefox-esr'
  | 'pulseaudio'
  | 'coturn'
  | 'baresip'
  | 'espeak-ng'
  | 'haproxy'
  | 'redis-server'
  | 'openssl'
  | 'valkey-server'
  | 'helm'
  | 'kubectl-validate'
  | 'livekit-server'
  | 'moq-relay'
  | 'phone bridge'
  | 'Pipecat'
  | 'pipecat-ai[runner]'
  | "Vonage's library"
  | "Pipecat's scaffolds"
  | '/dev/full'
  | 'the right to mount';

export interface Tool {
  /** Package of Debian. */
  readonly apt?: string;
  /** Path of it, where it is here. */
  readonly find: () => string | undefined;
  /** Makes it. @returns why that was not possible, if it was not */
  readonly build?: () => string | undefined;
  /** True for one that is made only where it is asked for by name. */
  readonly takesLong?: boolean;
}

export declare const TOOLS: Readonly<Record<ToolName, Tool>>;

/** Names of tools that are not here. */
export declare function missingOf(names: readonly ToolName[]): ToolName[];
