import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { declaredAccess } from '../auth/access.decorator.js';
import { documentOf, type Swagger } from '../compat/swagger.js';
import { apiRouteOf } from '../http/api-route.decorator.js';
import { ErrorBody } from '../http/dto/error-body.dto.js';
import { type HttpRequest, routePathOf } from '../http/http-request.js';
import { HttpIntake } from '../http/intake/http-intake.js';
import { optionalPackage, ownVersion } from '../packages.js';
import { RUNNER_REF, type RunnerRef } from '../runner-ref.js';
import { StartRequest } from '../start/dto/start-request.dto.js';
import { TransportRegistry } from '../transports/transport-registry.js';
import { type DocumentedRoute, type OpenApiDocument, runnerDocument } from './document.js';
import { OPENAPI_OPTIONS, type OpenApiOptions } from './openapi.options.js';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { RunnerError } from '../errors/runner.error.js';

const NAME = '@nestjs/swagger';
const MISSING = `There is no description of the runner: npm install ${NAME} (with Nest 11: ${NAME}@11)`;

/** Package `@nestjs/swagger`, an optional peer dependency, loaded with the application: to load it takes longer than a conversation should wait. */
@Injectable()
export class SwaggerPackage implements OnModuleInit {
  async onModuleInit(): Promise<void> {
    // What cannot be loaded is told to whoever asks for the document.
    if (this.isInstalled) await this.load().catch(() => undefined);
    else new Logger('PipecatRunner').warn(MISSING);
  }

  get isInstalled(): boolean {
    return this.path !== undefined;
  }

  /** Loads the package. @throws {RunnerError} `NOT_FOUND` where it is not installed */
  async load(): Promise<Swagger> {
    const load = (): Promise<Swagger> => import('@nestjs/swagger');
    return (this.path && (await optionalPackage(NAME, load))) || refuse();
  }

  /**
   * Directory of Swagger UI's files.
   * @throws {RunnerError} `NOT_FOUND` where it is not installed
   */
  get assets(): string {
    return dirname(createRequire(this.path ?? refuse()).resolve('swagger-ui-dist/package.json'));
  }

  /** Path of the package, if installed. */
  protected get path(): string | undefined {
    try {
      return createRequire(import.meta.url).resolve(NAME);
    } catch {
      return undefined;
    }
  }
}

function refuse(): never {
  throw new RunnerError('NOT_FOUND', MISSING);
}

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
