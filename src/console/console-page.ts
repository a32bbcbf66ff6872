import { Injectable } from '@nestjs/common';
import { RunnerError } from '../errors/runner.error.js';
import { type HttpRequest, nodeRequest, restOfUrl } from '../http/http-request.js';
import { PublicUrls } from '../http/public-url.js';
import { packageFile } from '../packages.js';
import { TransportRegistry } from '../transports/transport-registry.js';
import { contentSecurityPolicy } from './content-security-policy.js';
import { type PageFile, readPage } from './page-files.js';

/** Route of the page, below the runner's own path. */
export const CONSOLE_ROUTE = 'client';

/** Build output of the page. */
const PAGE_FOLDER = 'dist/console/page';

/** Common subset of Fastify's reply and Express' response. */
export interface HttpResponse {
  status(code: number): HttpResponse;
  header(name: string, value: string): HttpResponse;
  send(body: Buffer | string): unknown;
}

/** The browser console: static files, with a content security policy (CSP) for the enabled transports. */
@Injectable()
export class ConsolePage {
  private files: Promise<ReadonlyMap<string, PageFile>> | undefined;

  constructor(
    private readonly transports: TransportRegistry,
    private readonly publicUrls: PublicUrls,
  ) {}

  /**
   * Serves the page at its folder. Without the trailing slash it redirects, because the page's links are relative.
   * @throws {RunnerError} `NOT_FOUND` when the page is not built
   */
  async answerFolder(request: HttpRequest, response: HttpResponse): Promise<void> {
    const [path = '', ...query] = (nodeRequest(request).url ?? '').split('?');
    if (path.endsWith('/')) return this.send('index.html', request, response);
    response
      .status(302)
      // Relative, because a proxy may add a path prefix.
      .header('location', [`${CONSOLE_ROUTE}/`, ...query].join('?'))
      .send('');
  }

  /** Serves a file of the page. @throws {RunnerError} `NOT_FOUND` for other files, and when the page is not built */
  async answerFile(request: HttpRequest, response: HttpResponse): Promise<void> {
    const [path = ''] = restOfUrl(request).split('?');
    await this.send(path.slice(1) || 'index.html', request, response);
  }

  private async send(name: string, request: HttpRequest, response: HttpResponse): Promise<void> {
    const { headers } = nodeRequest(request);
    const file = (await this.load()).get(name);
    if (!file) throw new RunnerError('NOT_FOUND', 'The console has no such file.');
    response
      .header('etag', file.etag)
      .header('cache-control', file.immutable ? 'max-age=31536000, immutable' : 'no-cache')
      .header('vary', 'Accept-Encoding')
      .header('x-content-type-options', 'nosniff')
      .header('referrer-policy', 'no-referrer')
      .header('content-security-policy', this.policy(request));
    if (headers['if-none-match']?.includes(file.etag)) {
      response.status(304).send('');
      return;
    }
    response.status(200).header('content-type', file.type);
    if (/\bgzip\b/.test(String(headers['accept-encoding']))) {
      response.header('content-encoding', 'gzip').send(file.gzipped);
    } else {
      response.send(file.body);
    }
  }

  private policy(request: HttpRequest): string {
    return contentSecurityPolicy(
      this.publicUrls.of(request).webSocketUrl(''),
      this.transports.accepted.map((name) => this.transports.require(name).browserSources),
    );
  }

  private async load(): Promise<ReadonlyMap<string, PageFile>> {
    try {
      return await (this.files ??= readPage(packageFile(PAGE_FOLDER)));
    } catch (error) {
      this.files = undefined;
      throw new RunnerError('NOT_FOUND', 'The console is not built: run npm run build.', {
        cause: error,
      });
    }
  }
}
