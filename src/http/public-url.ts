import { Inject, Injectable } from '@nestjs/common';
import { RunnerError } from '../errors/runner.error.js';
import { RunnerLogger } from '../errors/runner-logger.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import { printable } from '../validation/printable.js';
import type { HttpRequest } from './http-request.js';
import { RunnerPaths } from './runner-paths.js';

/** Public base URL of the runner. */
export class PublicBaseUrl {
  private constructor(
    private readonly secure: boolean,
    /** Host, port and base path of the runner's routes, without trailing slash. */
    readonly host: string,
    /** Base path, where the host is that of the request; `undefined` for a configured URL. */
    private readonly basePath?: string,
  ) {}

  /** Parses a configured host name or URL. Without a scheme, TLS is assumed. */
  static parse(publicUrl: string, basePath: string): PublicBaseUrl {
    const host = publicUrl.replace(/^https?:\/\//i, '').replace(/\/+$/, '');
    return new PublicBaseUrl(!/^http:/i.test(publicUrl), host + basePath);
  }

  /** Derives the URL from the request, as the framework reports it; `trustProxy` is up to the host application. */
  static ofRequest(request: HttpRequest, basePath: string): PublicBaseUrl {
    const host = request.host || 'localhost';
    return new PublicBaseUrl(request.protocol === 'https', host + basePath, basePath);
  }

  /** Returns the URL of a path such as `/start`. */
  httpUrl(path: string): string {
    return `${this.secure ? 'https' : 'http'}://${this.host}${path}`;
  }

  /**
   * Returns the URL of a path for the client of a request, which resolves it against the URL it has asked: absolute only where the public URL
   * is configured, since a proxy may have changed the host.
   */
  clientUrl(path: string): string {
    return this.basePath === undefined ? this.httpUrl(path) : this.basePath + path;
  }

  /** Returns the WebSocket URL of a path such as `/ws`. */
  webSocketUrl(path: string): string {
    return `${this.secure ? 'wss' : 'ws'}://${this.host}${path}`;
  }

  /** Returns the secure WebSocket URL of a path: carriers require TLS. */
  secureWebSocketUrl(path: string): string {
    return `wss://${this.host}${path}`;
  }
}

/** Determines the {@link PublicBaseUrl}. */
@Injectable()
export class PublicUrls {
  private warned = false;

  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly paths: RunnerPaths,
  ) {}

  /** Returns the base URL for a request. @param publicUrl overrides the runner's own `publicUrl` option */
  of(request: HttpRequest, publicUrl = this.options.publicUrl): PublicBaseUrl {
    if (publicUrl === undefined && !this.warned) this.warnIfProxied(request);
    const mountPath = publicUrl === undefined ? (request.baseUrl ?? '') : '';
    return baseUrl(request, publicUrl, mountPath + this.paths.basePath);
  }

  /** Returns the URL of a request for its sender, who is to ask it again, as {@link PublicBaseUrl.clientUrl} does. @param publicUrl overrides the runner's own `publicUrl` option */
  again(request: HttpRequest, publicUrl = this.options.publicUrl): string {
    return baseUrl(request, publicUrl, '').clientUrl(request.originalUrl);
  }

  /**
   * Returns candidates for the URL that a carrier has signed: with and without port, and, without a configured public URL, with either scheme, since
   * not every proxy reports that it ends TLS.
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
   * Returns the base URL outside of a request.
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

  /** Warns once when a proxy reports another public URL than the application sees, since clients would get an unreachable URL. */
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

/** Returns the first value of a header with several proxies: the one next to the client. */
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

/** Splits a URL into scheme and host, port, and the rest, without normalising. */
const PARTS = /^(https?:\/\/[^/?]*?)(:\d+)?([/?].*)?$/;

const withoutPort = (url: string): string =>
  url.replace(PARTS, (_, origin: string, _port, rest = '') => `${origin}${rest}`);

const withPort = (url: string): string =>
  url.replace(
    PARTS,
    (_, origin: string, port = origin.startsWith('https') ? ':443' : ':80', rest = '') =>
      `${origin}${port}${rest}`,
  );
