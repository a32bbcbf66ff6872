import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { SmallWebRtcOptions } from './small-webrtc.options.js';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<SmallWebRtcOptions>({ moduleName: 'PipecatSmallWebRtc' })
    .setClassMethodName('forRoot')
    .build();
