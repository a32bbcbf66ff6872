import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { DOCS_FILES } from './openapi.controller.js';
import { SwaggerPackage } from './runner-api.js';

class Missing extends SwaggerPackage {
  protected override get path(): undefined {
    return undefined;
  }
}

afterEach(() => void jest.restoreAllMocks());

describe('@nestjs/swagger', () => {
  it('is loaded, and has the files of Swagger UI, where it is installed', async () => {
    const swagger = new SwaggerPackage();
    expect(swagger.isInstalled).toBe(true);
    expect(await swagger.load()).toHaveProperty('SwaggerModule.createDocument');
    const files = DOCS_FILES.filter((name) => existsSync(join(swagger.assets, name)));
    expect(files).toEqual(['swagger-ui.css', 'swagger-ui-bundle.js']);
  });

  it('is asked for with the line that installs it where it is not', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const swagger = new Missing();
    await swagger.onModuleInit();
    expect(swagger.isInstalled).toBe(false);
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('npm install @nestjs/swagger'));
    const refusal = { code: 'NOT_FOUND', message: expect.stringContaining('npm install') };
    await expect(swagger.load()).rejects.toMatchObject(refusal);
    expect(() => swagger.assets).toThrow('npm install @nestjs/swagger');
  });
});
