import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { WebSocketOptions } from './websocket.options.js';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<WebSocketOptions>({ moduleName: 'PipecatWebSocket' })
    .setClassMethodName('forRoot')
    .build();

/** DI token of the resolved options. */
export const WEBSOCKET_OPTIONS = Symbol('WEBSOCKET_OPTIONS');
