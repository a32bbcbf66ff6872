import { existsSync } from 'node:fs';
import { checkOptions, milliseconds, withoutUndefined } from '../../validation/options.js';

/** Options of {@link MoqModule}. */
export interface MoqOptions {
  /**
   * URL of a relay that bot and browser connect to, such as `https://cdn.moq.dev/anon`. Without one the bot itself is the server, for one
   * session at a time.
   */
  relayUrl?: string;
  /**
   * Local UDP address: where the bot listens as a server, or else connects to the relay from.
   * @default '[::]:4080' as a server, else any
   */
  bind?: string;
  /**
   * Namespace (room) of sessions whose `/start` names none.
   * @default 'pipecat' as a server, else a random one for each session
   */
  namespace?: string;
  /**
   * Broadcast name of the bot.
   * @default 'response'
   */
  botId?: string;
  /**
   * Broadcast name of the browser.
   * @default 'request'
   */
  clientId?: string;
  /**
   * Host name that the browser connects to where the bot is the server, also of its self-signed certificate.
   * @default 'localhost'
   */
  tlsHost?: string;
  /** Path of the server's certificate chain, PEM; of a self-signed relay, for the browser to pin. */
  tlsCert?: string;
  /** Path of the certificate's private key, PEM. As a server only, with `tlsCert`. */
  tlsKey?: string;
  /**
   * Accepts any certificate of the relay.
   * @default false
   */
  tlsInsecure?: boolean;
  /**
   * Timeout for the bot to be ready after `/start`, in milliseconds.
   * @default 15_000
   */
  readyTimeoutMs?: number;
}

/** {@link MoqOptions} with their defaults, and where the browser connects to. */
export type ResolvedMoqOptions = MoqOptions &
  Required<Pick<MoqOptions, keyof typeof DEFAULTS>> & {
    readonly serve: boolean;
    readonly host: string;
    readonly port: number;
    readonly path: string;
  };

/** DI token of the {@link ResolvedMoqOptions}. */
export const MOQ_OPTIONS = Symbol('MOQ_OPTIONS');

const DEFAULTS = {
  botId: 'response',
  clientId: 'request',
  tlsHost: 'localhost',
  tlsInsecure: false,
  readyTimeoutMs: 15_000,
} as const satisfies MoqOptions;

const SERVER_BIND = '[::]:4080';
const SERVER_NAMESPACE = 'pipecat';
const DEFAULT_PATH = '/moq';
const BIND = /^(\[[\da-f:.]+\]|[^\s:]+):(\d{1,5})$/i;

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && /^[\x21-\x7e]{1,200}$/.test(value)
    ? undefined
    : 'must be text of at most 200 characters without spaces';

const file = (value: unknown): string | undefined =>
  typeof value === 'string' && existsSync(value)
    ? undefined
    : `must be the path of a PEM file; there is no ${String(value)}`;

const relay = (value: unknown): string | undefined =>
  typeof value === 'string' && /^https?:\/\//.test(value) && URL.canParse(value)
    ? undefined
    : 'must be a URL such as https://relay.example.com/moq';

/** Returns the port of an address such as `[::]:4080`; `undefined` for another text. */
function portOf(address: unknown): number | undefined {
  const port = Number(BIND.exec(typeof address === 'string' ? address : '')?.[2]);
  return port <= 65_535 ? port : undefined;
}

/**
 * Fills in the defaults.
 * @throws {InvalidOptionsError}
 */
export function resolveMoqOptions(options: MoqOptions): ResolvedMoqOptions {
  const given = withoutUndefined(options);
  const serve = given.relayUrl === undefined;
  checkOptions('MoqModule', given, {
    relayUrl: relay,
    bind: (value) =>
      portOf(value) === undefined
        ? 'must be an address with a port, such as [::]:4080 or 0.0.0.0:4080'
        : undefined,
    namespace: text,
    botId: text,
    clientId: text,
    tlsHost: text,
    tlsCert: (value) =>
      serve && given.tlsKey === undefined
        ? 'needs tlsKey where the bot is the server'
        : file(value),
    tlsKey: (value) => (given.tlsCert === undefined ? 'needs tlsCert' : file(value)),
    tlsInsecure: (value) => (typeof value === 'boolean' ? undefined : 'must be true or false'),
    readyTimeoutMs: milliseconds(1),
  });
  return {
    ...DEFAULTS,
    ...(serve && { bind: SERVER_BIND, namespace: SERVER_NAMESPACE }),
    ...given,
    serve,
    ...endpointOf(given),
  };
}

function endpointOf({ relayUrl, bind = SERVER_BIND, tlsHost = DEFAULTS.tlsHost }: MoqOptions) {
  if (relayUrl === undefined) return { host: tlsHost, port: portOf(bind)!, path: DEFAULT_PATH };
  const { hostname, port, protocol, pathname } = new URL(relayUrl);
  return {
    host: hostname,
    port: Number(port) || (protocol === 'https:' ? 443 : 80),
    path: pathname === '/' ? DEFAULT_PATH : pathname,
  };
}
