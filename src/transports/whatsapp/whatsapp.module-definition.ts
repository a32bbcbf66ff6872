import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { WhatsAppOptions } from './whatsapp.options.js';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<WhatsAppOptions>({ moduleName: 'PipecatWhatsApp' })
    .setClassMethodName('forRoot')
    .build();
