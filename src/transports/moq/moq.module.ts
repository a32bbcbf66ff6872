import { Module } from '@nestjs/common';
import { RunnerPart } from '../../validation/runner-part.decorator.js';
import { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } from './moq.module-definition.js';
import { MOQ_OPTIONS, resolveMoqOptions } from './moq.options.js';
import { MoqTransport } from './moq.transport.js';

/** Transport module for Media over QUIC (MoQ), of Python bots with `pipecat-ai[moq]`. */
@RunnerPart('transports')
@Module({
  providers: [
    MoqTransport,
    { provide: MOQ_OPTIONS, useFactory: resolveMoqOptions, inject: [MODULE_OPTIONS_TOKEN] },
  ],
})
export class MoqModule extends ConfigurableModuleClass {
  // Overridden only to make the options optional: `MoqModule.forRoot()`.
  static override forRoot(options: Parameters<typeof ConfigurableModuleClass.forRoot>[0] = {}) {
    return super.forRoot(options);
  }
}
