import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { LiveKitOptions } from './livekit.options.js';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<LiveKitOptions>({ moduleName: 'PipecatLiveKit' })
    .setClassMethodName('forRoot')
    .build();
