import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { Swagger } from '../compat/swagger.js';
import { RunnerError } from '../errors/runner.error.js';
import { optionalPackage } from '../packages.js';

const NAME = '@nestjs/swagger';
const MISSING = `There is no description of the runner: npm install ${NAME} (with Nest 11: ${NAME}@11)`;

/** Package `@nestjs/swagger`, an optional peer dependency, loaded on first use. */
@Injectable()
export class SwaggerPackage implements OnModuleInit {
  onModuleInit(): void {
    if (!this.isInstalled) new Logger('PipecatRunner').warn(MISSING);
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
