import { Inject, Injectable } from '@nestjs/common';
import { RunnerError } from '../errors/runner.error.js';
import { RunnerLogger } from '../errors/runner-logger.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import { printable } from '../validation/printable.js';
import type { HttpRequest } from './http-request.js';
import { RunnerPaths } from './runner-paths.js';

/** Where the outside world reaches the runner. */
export class PublicBaseUrl {
  private constructor(
    private readonly secure: boolean,
    /** Host, port and path below which the runner's routes are, without a trailing slash. */
    readonly host: string,
  ) {}

  /** From a configured host name or URL; without a scheme it is taken to be reached over TLS. */
  static parse(publicUrl: string, basePath: string): PublicBaseUrl {
    const host = publicUrl.replace(/^https?:\/\//i, '').replace(/\/+$/, '');
    return new PublicBaseUrl(!/^http:/i.test(publicUrl), host + basePath);
  }

  /** From what the framework says of the request; `trustProxy` is the host application's to set. */
  static ofRequest(request: HttpRequest, basePath: string): PublicBaseUrl {
    const host = request.host || 'localhost';
    return new PublicBaseUrl(request.protocol === 'https', host + basePath);
  }

  /** The URL of a path such as `/start`. */
  httpUrl(path: string): string {
    return `${this.secure ? 'https' : 'http'}://${this.host}${path}`;
  }

  /** The WebSocket URL of a path such as `/ws`. */
  webSocketUrl(path: string): string {
    return `${this.secure ? 'wss' : 'ws'}://${this.host}${path}`;
  }

  /** The same, but always over TLS: carriers connect to nothing else. */
  secureWebSocketUrl(path: string): string {
    return `wss://${this.host}${path}`;
  }
}

/** Finds the {@link PublicBaseUrl} of a request. */
@Injectable()
export class PublicUrls {
  private warned = false;

  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly paths: RunnerPaths,
  ) {}

  /** @param publicUrl overrides the runner's own `publicUrl` option */
  of(request: HttpRequest, publicUrl = this.options.publicUrl): PublicBaseUrl {
    if (publicUrl === undefined && !this.warned) this.warnIfProxied(request);
    const mountPath = publicUrl === undefined ? (request.baseUrl ?? '') : '';
    return baseUrl(request, publicUrl, mountPath + this.paths.basePath);
  }

  /**
   * Returns all spellings of its URL that the sender of a request may have used, for carriers sign it: with and without its port, and, where no
   * public URL is configured, with either scheme, for not every proxy that ends TLS says so.
   *
   * @param publicUrl overrides the runner's own `publicUrl` option
   */
  spellingsOf(request: HttpRequest, publicUrl = this.options.publicUrl): string[] {
    const url = baseUrl(request, publicUrl, '').httpUrl(request.originalUrl);
    const urls = [url];
    if (publicUrl === undefined) {
      urls.push(
        url.startsWith('https') ? url.replace('https', 'http') : url.replace('http', 'https'),
      );
    }
    return [...new Set(urls.flatMap((one) => [one, withoutPort(one), withPort(one)]))];
  }

  /**
   * Where the runner is reached by what it has no request of.
   * @param publicUrl overrides the runner's own `publicUrl` option
   * @throws {RunnerError} `NO_PUBLIC_URL`
   */
  known(publicUrl = this.options.publicUrl): PublicBaseUrl {
    if (publicUrl !== undefined) return this.configured(publicUrl);
    throw new RunnerError(
      'NO_PUBLIC_URL',
      'There is no request to take the host from: set publicUrl in RunnerModule.forRoot({ … }).',
    );
  }

  /** Says once that a proxy knows another URL than the application does: clients would be sent to one that they cannot reach. */
  private warnIfProxied({ headers, protocol, host = '' }: HttpRequest): void {
    const proto = firstOf(headers['x-forwarded-proto']) ?? protocol;
    const forwarded = firstOf(headers['x-forwarded-host']) ?? host;
    if (proto === protocol && forwarded === host) return;
    this.warned = true;
    new RunnerLogger('PipecatRunner').warn(
      `A proxy says that clients are at ${printable(`${proto}://${forwarded}`)}, but they are sent to ${protocol}://${printable(host)}: set publicUrl, or ` +
        "have the application trust its proxy (Fastify: new FastifyAdapter({ trustProxy: … }), Express: app.set('trust proxy', …)).",
    );
  }

  configured(publicUrl: string): PublicBaseUrl {
    return PublicBaseUrl.parse(publicUrl, this.paths.basePath);
  }
}

/** The value of the proxy next to the client, where there are several. */
const firstOf = (header: string | string[] | undefined): string | undefined =>
  header?.toString().split(',', 1)[0]!.trim();

const baseUrl = (
  request: HttpRequest,
  publicUrl: string | undefined,
  basePath: string,
): PublicBaseUrl =>
  publicUrl === undefined
    ? PublicBaseUrl.ofRequest(request, basePath)
    : PublicBaseUrl.parse(publicUrl, basePath);

/** Scheme and host, port, and the rest of a URL, none of which is normalised. */
const PARTS = /^(https?:\/\/[^/?]*?)(:\d+)?([/?].*)?$/;

const withoutPort = (url: string): string =>
  url.replace(PARTS, (_, origin: string, _port, rest = '') => `${origin}${rest}`);

const withPort = (url: string): string =>
  url.replace(
    PARTS,
    (_, origin: string, port = origin.startsWith('https') ? ':443' : ':80', rest = '') =>
      `${origin}${port}${rest}`,
  );
