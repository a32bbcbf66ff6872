import { ConfigurableModuleBuilder, Module } from '@nestjs/common';
import { DownloadsController } from './downloads.controller.js';
import { Downloads } from './downloads.js';
import {
  resolveDownloadsOptions,
  DOWNLOADS_OPTIONS,
  type DownloadsOptions,
} from './downloads.options.js';
import { RunnerPart } from '../validation/runner-part.decorator.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<DownloadsOptions>({ moduleName: 'PipecatDownloads' })
    .setClassMethodName('forRoot')
    .build();

/** `GET /files/*`: downloads of files that bots leave in a folder. */
@RunnerPart('features')
@Module({
  controllers: [DownloadsController],
  providers: [
    Downloads,
    {
      provide: DOWNLOADS_OPTIONS,
      useFactory: resolveDownloadsOptions,
      inject: [MODULE_OPTIONS_TOKEN],
    },
  ],
})
export class DownloadsModule extends ConfigurableModuleClass {}
