import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { Accepts, IsFlag, Milliseconds, ValidatedBy } from '../../validation/option.decorators.js';
import { fieldOf } from '../../errors/thrown.js';
import { resolveOptions, type WithDefaults } from '../../validation/options.js';

const SERVER_BIND = '[::]:4080';
const SERVER_NAMESPACE = 'pipecat';
const DEFAULT_PATH = '/moq';
const BIND = /^(\[[\da-f:.]+\]|[^\s:]+):(\d{1,5})$/i;

/** Returns the port of an address such as `[::]:4080`; `undefined` for another text. */
function portOf(address: unknown): number | undefined {
  const port = Number(BIND.exec(typeof address === 'string' ? address : '')?.[2]);
  return port <= 65_535 ? port : undefined;
}

const IsName = (): PropertyDecorator =>
  Accepts(
    'must be text of at most 200 characters without spaces',
    (value) => typeof value === 'string' && /^[\x21-\x7e]{1,200}$/.test(value),
  );

/** Returns a host name or address as it stands in a URL. */
const inUrl = (host: string): string => (isIPv6(host) ? `[${host}]` : host);

const isHost = (value: unknown): boolean =>
  typeof value === 'string' &&
  (isIPv6(value) || /^[\w.-]{1,200}$/.test(value)) &&
  URL.canParse(`https://${inUrl(value)}`);

/** Read at the start, so that no session fails of it. @param isUsable throws, or returns false, for another content */
function fileProblem(value: unknown, isUsable: (pem: string) => unknown): string | undefined {
  const needed = 'must be the path of a PEM file';
  try {
    if (isUsable(readFileSync(String(value), 'utf8'))) return undefined;
  } catch (error) {
    if (fieldOf(error, 'code') === 'ENOENT') return `${needed}; there is no ${String(value)}`;
  }
  return `${needed}; ${String(value)} is none`;
}

const isCertificate = (pem: string): boolean => new X509Certificate(pem).raw.length > 0;
const isPrivateKey = (pem: string): boolean => /^-----BEGIN [A-Z ]*PRIVATE KEY-----$/m.test(pem);

/** Options of {@link MoqModule}. */
export class MoqOptions {
  /**
   * URL of a relay that bot and browser connect to, such as `https://cdn.moq.dev/anon`. Without one the bot itself is the server, for one
   * session at a time.
   */
  @Accepts(
    'must be a URL such as https://relay.example.com/moq',
    (value) => typeof value === 'string' && /^https?:\/\//.test(value) && URL.canParse(value),
  )
  relayUrl?: string;
  /**
   * Local UDP address: where the bot listens as a server, or else connects to the relay from.
   * @default '[::]:4080' as a server, else any
   */
  @ValidatedBy<MoqOptions>((value, { relayUrl }) =>
    // The browser is told the port of a server.
    portOf(value) === undefined || (relayUrl === undefined && portOf(value) === 0)
      ? 'must be an address with a port, such as [::]:4080 or 0.0.0.0:4080'
      : undefined,
  )
  bind?: string;
  /**
   * Namespace (room) of sessions whose `/start` names none.
   * @default 'pipecat' as a server, else a random one for each session
   */
  @IsName()
  namespace?: string;
  /**
   * Broadcast name of the bot.
   * @default 'response'
   */
  @IsName()
  botId?: string = 'response';
  /**
   * Broadcast name of the browser.
   * @default 'request'
   */
  @IsName()
  clientId?: string = 'request';
  /**
   * Host name that the browser connects to where the bot is the server, also of its self-signed certificate.
   * @default 'localhost'
   */
  @Accepts('must be a host name or an IP address', isHost)
  tlsHost?: string = 'localhost';
  /** Path of the server's certificate chain, PEM; of a self-signed relay, for the browser to pin. */
  @ValidatedBy<MoqOptions>((value, { relayUrl, tlsKey }) =>
    relayUrl === undefined && tlsKey === undefined
      ? 'needs tlsKey where the bot is the server'
      : fileProblem(value, isCertificate),
  )
  tlsCert?: string;
  /** Path of the certificate's private key, PEM. As a server only, with `tlsCert`. */
  @ValidatedBy<MoqOptions>((value, { tlsCert }) =>
    tlsCert === undefined ? 'needs tlsCert' : fileProblem(value, isPrivateKey),
  )
  tlsKey?: string;
  /**
   * Accepts any certificate of the relay.
   * @default false
   */
  @IsFlag()
  tlsInsecure?: boolean = false;
  /**
   * Timeout for the bot to be ready after `/start`, in milliseconds.
   * @default 15_000
   */
  @Milliseconds(1)
  readyTimeoutMs?: number = 15_000;
}

type Defaulted = WithDefaults<MoqOptions, 'relayUrl' | 'bind' | 'namespace' | 'tlsCert' | 'tlsKey'>;

/** {@link MoqOptions} with their defaults, and where the browser connects to. */
export type ResolvedMoqOptions = Defaulted & {
  readonly serve: boolean;
  readonly host: string;
  readonly port: number;
  readonly path: string;
};

/** DI token of the {@link ResolvedMoqOptions}. */
export const MOQ_OPTIONS = Symbol('MOQ_OPTIONS');

/**
 * Fills in the defaults.
 * @throws {InvalidOptionsError}
 */
export function resolveMoqOptions(given: MoqOptions): ResolvedMoqOptions {
  const options: Defaulted = resolveOptions('MoqModule', new MoqOptions(), given);
  const { relayUrl, bind = SERVER_BIND, namespace = SERVER_NAMESPACE, tlsHost } = options;
  if (relayUrl === undefined) {
    const endpoint = { host: inUrl(tlsHost), port: portOf(bind)!, path: DEFAULT_PATH };
    return { ...options, bind, namespace, serve: true, ...endpoint };
  }
  const { hostname, port, protocol, pathname } = new URL(relayUrl);
  return {
    ...options,
    serve: false,
    host: hostname,
    port: Number(port) || (protocol === 'https:' ? 443 : 80),
    path: pathname === '/' ? DEFAULT_PATH : pathname,
  };
}
