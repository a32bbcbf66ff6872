import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { MoqOptions } from './moq.options.js';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<MoqOptions>({ moduleName: 'PipecatMoq' })
    .setClassMethodName('forRoot')
    .build();
