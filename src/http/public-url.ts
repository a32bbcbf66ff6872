import { Inject, Injectable } from '@nestjs/common';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
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
  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly paths: RunnerPaths,
  ) {}

  /** @param publicUrl overrides the runner's own `publicUrl` option */
  of(request: HttpRequest, publicUrl = this.options.publicUrl): PublicBaseUrl {
    return publicUrl === undefined
      ? PublicBaseUrl.ofRequest(request, this.paths.basePath)
      : this.configured(publicUrl);
  }

  configured(publicUrl: string): PublicBaseUrl {
    return PublicBaseUrl.parse(publicUrl, this.paths.basePath);
  }
}
