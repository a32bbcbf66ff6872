import { readFileSync } from 'node:fs';
import { Inject, Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { declaredAccess } from '../auth/access.js';
import { apiRouteOf } from '../http/api-route.decorator.js';
import { runnerRoutes } from '../http/runner-routes.js';
import { packageFile } from '../packages/package-file.js';
import { StartRequest } from '../start/dto/start-request.dto.js';
import { TransportRegistry } from '../transports/transport-registry.js';
import { describeRoutes, type OpenApiDocument } from './document.js';
import { SchemaBook } from './schema-book.js';
import { OPENAPI_OPTIONS, type OpenApiOptions } from './openapi.options.js';

const DESCRIPTION =
  "Starts voice bots and connects callers to them, in the protocol of Pipecat's runner. In what is sent, null is the same as absent, and " +
  'fields that are not known are passed over. An error is a JSON object with a string `detail`. Media go over WebSockets (`/ws` for ' +
  'carriers, `/ws-client` for clients), which OpenAPI does not describe.';

/** The description of all routes that the runner has in this application. */
@Injectable()
export class RunnerApi {
  private described: OpenApiDocument | undefined;

  constructor(
    @Inject(OPENAPI_OPTIONS) private readonly options: OpenApiOptions,
    private readonly modules: ModulesContainer,
    private readonly transports: TransportRegistry,
  ) {}

  /** Made when it is first asked for: then all routes are there. */
  get document(): OpenApiDocument {
    return (this.described ??= this.describe());
  }

  private describe(): OpenApiDocument {
    const routes = [...runnerRoutes(this.modules)].flatMap(({ method, path, ...route }) => {
      const about = apiRouteOf(route.handler);
      const needsKey = declaredAccess(route.handler, route.controller) !== 'open';
      return about ? [{ method, path, about, needsKey }] : [];
    });
    const { title = 'Pipecat runner', version = ownVersion() } = this.options;
    return describeRoutes(
      routes,
      { title, version, description: DESCRIPTION },
      new SchemaBook({ [`${StartRequest.name}.transport`]: this.transports.accepted }),
    );
  }
}

function ownVersion(): string {
  const manifest = readFileSync(packageFile('package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
