import { ConfigurableModuleBuilder, type DynamicModule, Module } from '@nestjs/common';
import './websocket.media.js';
import { WebSocketGateway } from './websocket.gateway.js';
import {
  resolveWebSocketOptions,
  WEBSOCKET_OPTIONS,
  type WebSocketOptions,
} from './websocket.options.js';
import { WebSocketTransport } from './websocket.transport.js';
import { RunnerPart } from '../../validation/runner-part.decorator.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<WebSocketOptions>({ moduleName: 'PipecatWebSocket' })
    .setClassMethodName('forRoot')
    .build();

/** Transport module for plain WebSocket clients: `/ws-client`. */
@RunnerPart('transports')
@Module({
  providers: [
    WebSocketTransport,
    WebSocketGateway,
    {
      provide: WEBSOCKET_OPTIONS,
      useFactory: resolveWebSocketOptions,
      inject: [MODULE_OPTIONS_TOKEN],
    },
  ],
})
export class WebSocketModule extends ConfigurableModuleClass {
  // Overridden only to make the options optional: `WebSocketModule.forRoot()`.
  static override forRoot(options: Parameters<typeof ConfigurableModuleClass.forRoot>[0] = {}) {
    return super.forRoot(options);
  }

  /** Configures the transport from the environment. Always enabled, since it needs no credentials. */
  static fromEnv(_env: NodeJS.ProcessEnv): DynamicModule | undefined {
    return this.forRoot();
  }
}
