import { type DynamicModule, Module } from '@nestjs/common';
import { PcmController } from './pcm.controller.js';
import { PcmGateway } from './pcm.gateway.js';
import { PcmTransport } from './pcm.transport.js';

/** Raw 16-bit PCM over a WebSocket at `/pcm`: `RunnerModule.forRoot({ transports: [PcmModule.forRoot()] })`. */
@Module({ controllers: [PcmController], providers: [PcmGateway, PcmTransport] })
export class PcmModule {
  static forRoot(): DynamicModule {
    return { module: PcmModule };
  }
}
