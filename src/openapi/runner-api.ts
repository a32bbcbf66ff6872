import { readFileSync } from 'node:fs';
import { Inject, Injectable } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { declaredAccess } from '../auth/access.decorator.js';
import { documentOf } from '../compat/swagger.js';
import { apiRouteOf } from '../http/api-route.decorator.js';
import { ErrorBody } from '../http/dto/error-body.dto.js';
import { type HttpRequest, routePathOf } from '../http/http-request.js';
import { HttpIntake } from '../http/intake/http-intake.js';
import { packageFile } from '../packages.js';
import { RUNNER_REF, type RunnerRef } from '../runner-ref.js';
import { StartRequest } from '../start/dto/start-request.dto.js';
import { TransportRegistry } from '../transports/transport-registry.js';
import { type DocumentedRoute, type OpenApiDocument, runnerDocument } from './document.js';
import { OPENAPI_OPTIONS, type OpenApiOptions } from './openapi.options.js';
import { SwaggerPackage } from './swagger-package.js';

const DESCRIPTION =
  "Starts voice bots and connects callers to them, in the protocol of Pipecat's runner. In what is sent, null is the same as absent, and " +
  'fields that are not known are passed over. An error is a JSON object with a string `detail`. Media go over WebSockets (`/ws` for ' +
  'carriers, `/ws-client` for clients), which OpenAPI does not describe.';

/** OpenAPI documents of the runner's routes in this application. */
@Injectable()
export class RunnerApi {
  /** Documents by base path. There are two when the host excludes one of its routes from the global prefix. */
  private readonly described = new Map<string, OpenApiDocument>();

  constructor(
    @Inject(OPENAPI_OPTIONS) private readonly options: OpenApiOptions,
    @Inject(RUNNER_REF) private readonly runner: RunnerRef,
    private readonly intake: HttpIntake,
    private readonly transports: TransportRegistry,
    private readonly swagger: SwaggerPackage,
    private readonly modules: ModulesContainer,
    private readonly config: ApplicationConfig,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  /**
   * Returns the document, created on first use, when all routes are registered.
   * @param request request for the document, to which paths are relative
   * @throws {RunnerError} `NOT_FOUND` where `@nestjs/swagger` is not installed
   */
  async documentFor(request: HttpRequest): Promise<OpenApiDocument> {
    const folder = routePathOf(request).replace(/[^/]+\/?$/, '');
    const document = this.described.get(folder) ?? (await this.describe(folder));
    this.described.set(folder, document);
    return document;
  }

  private async describe(folder: string): Promise<OpenApiDocument> {
    const own = this.intake.routes.filter(({ route }) => route.runner === this.runner);
    const routes = own.flatMap(
      ({ path, route: { handle, controller, method } }): DocumentedRoute[] => {
        const about = apiRouteOf(handle);
        const access = declaredAccess(handle, controller);
        const needsKey = access !== 'open' && access !== 'webhook';
        return about ? [{ method, about, needsKey, fullPath: path, ...locate(path, folder) }] : [];
      },
    );
    const { modules, config } = this;
    const { title = 'Pipecat runner', version = ownVersion() } = this.options;
    const whole = documentOf<OpenApiDocument>(
      await this.swagger.load(),
      { modules, config, httpAdapter: this.adapterHost.httpAdapter },
      (module) => this.runner.modules.has(module),
      { info: { title, version, description: DESCRIPTION } },
      { autoTagControllers: false, extraModels: [ErrorBody] },
    );
    return runnerDocument(whole, routes, {
      [`${StartRequest.name}.transport`]: this.transports.accepted,
    });
  }
}

/** Returns the path of a route relative to a base path, or else to the root. */
function locate(path: string, folder: string): Pick<DocumentedRoute, 'path' | 'server'> {
  if (path.startsWith(folder)) return { path: path.slice(folder.length - 1) };
  return { path, server: '../'.repeat(folder.split('/').length - 2) };
}

function ownVersion(): string {
  const manifest = readFileSync(packageFile('package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
