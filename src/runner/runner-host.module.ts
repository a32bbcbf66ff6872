import { Module } from '@nestjs/common';
import { HttpIntake } from '../http/intake/http-intake.js';
import { GatewayBinding } from '../websocket/gateway-binding.js';
import { RunnerSocketAdapter } from '../websocket/runner-socket-adapter.js';
import { runnerSocketsProvider } from '../websocket/runner-sockets.provider.js';
import { RunnerDirectory } from './runner-directory.js';

/** Providers shared by all runners of an application, which has one HTTP server, router and WebSocket adapter. */
@Module({
  providers: [RunnerDirectory, HttpIntake, runnerSocketsProvider, GatewayBinding],
  exports: [RunnerDirectory, HttpIntake, RunnerSocketAdapter],
})
export class RunnerHostModule {}
