import { ConfigurableModuleBuilder } from '@nestjs/common';
import { DialinController } from './dialin.controller.js';
import { DailyController } from './daily.controller.js';
import type { DailyOptions } from './daily.options.js';

/** Options that decide which routes the module has. */
export interface DailyExtras {
  /**
   * Registers `POST /daily-dialin-webhook`.
   * @default true
   */
  dialin?: boolean;
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<DailyOptions>({ moduleName: 'PipecatDaily' })
    .setClassMethodName('forRoot')
    .setExtras<DailyExtras>(
      // Nest separates extras from options by these keys.
      { dialin: undefined },
      (definition, { dialin = true }) => ({
        ...definition,
        controllers: [DailyController, ...(dialin ? [DialinController] : [])],
      }),
    )
    .build();
