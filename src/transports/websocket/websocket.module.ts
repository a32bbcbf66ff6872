import { type DynamicModule, Module } from '@nestjs/common';
import './websocket.media.js';
import { WebSocketGateway } from './websocket.gateway.js';
import {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  WEBSOCKET_OPTIONS,
} from './websocket.module-definition.js';
import { resolveWebSocketOptions } from './websocket.options.js';
import { WebSocketTransport } from './websocket.transport.js';
import { RunnerPart } from '../../validation/runner-part.decorator.js';

/** The plain WebSocket transport: `/ws-client`. */
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

  /** This transport as Pipecat's environment variables imply it: always there, for it needs no credentials. */
  static fromEnv(_env: NodeJS.ProcessEnv): DynamicModule | undefined {
    return this.forRoot();
  }
}
