import { ConfigurableModuleBuilder, Module } from '@nestjs/common';
import { OpenApiController } from './openapi.controller.js';
import { resolveOpenApiOptions, OPENAPI_OPTIONS, type OpenApiOptions } from './openapi.options.js';
import { RunnerApi, SwaggerPackage } from './runner-api.js';
import { RunnerPart } from '../validation/runner-part.decorator.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<OpenApiOptions>({ moduleName: 'PipecatOpenApi' })
    .setClassMethodName('forRoot')
    .build();

/** Feature module for `GET /openapi.json`, the OpenAPI document of the runner's routes, and `GET /docs`, its page. Requires `@nestjs/swagger`. */
@RunnerPart('features')
@Module({
  controllers: [OpenApiController],
  providers: [
    RunnerApi,
    SwaggerPackage,
    {
      provide: OPENAPI_OPTIONS,
      useFactory: resolveOpenApiOptions,
      inject: [MODULE_OPTIONS_TOKEN],
    },
  ],
})
export class OpenApiModule extends ConfigurableModuleClass {
  // Overridden only to make the options optional: `OpenApiModule.forRoot()`.
  static override forRoot(options: Parameters<typeof ConfigurableModuleClass.forRoot>[0] = {}) {
    return super.forRoot(options);
  }
}
