import { ConfigurableModuleBuilder } from '@nestjs/common';
import { DialinController } from './dialin.controller.js';
import { DailyController } from './daily.controller.js';
import type { DailyOptions } from './daily.options.js';

/** What shapes the module's routes. */
export interface DailyExtras {
  /**
   * Whether `POST /daily-dialin-webhook` is there.
   * @default true
   */
  dialin?: boolean;
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<DailyOptions>({ moduleName: 'PipecatDaily' })
    .setClassMethodName('forRoot')
    .setExtras<DailyExtras>(
      // Nest tells extras from options by the keys listed here.
      { dialin: undefined },
      (definition, { dialin = true }) => ({
        ...definition,
        controllers: [DailyController, ...(dialin ? [DialinController] : [])],
      }),
    )
    .build();
