import { Module, Injectable, Logger } from '@nestjs/common';
import { HttpIntake } from '../http/intake/http-intake.js';
import {
  GatewayBinding,
  RunnerSocketAdapter,
  runnerSocketsProvider,
} from '../websocket/runner-socket-adapter.js';
import type { RunnerRef } from '../runner-ref.js';
import { InvalidOptionsError } from '../validation/options.js';

/** Registry of the runners of an application. */
@Injectable()
export class RunnerDirectory {
  private readonly runners: RunnerRef[] = [];

  /** @throws {InvalidOptionsError} when another runner has the same path, name or injection tokens */
  add(runner: RunnerRef): void {
    const { name, path, isGlobal } = runner;
    for (const other of this.runners) {
      if (other.path === path) {
        throw new InvalidOptionsError('RunnerModule', [
          `path '${path}' is another runner's already: each runner of an application needs a path of its own`,
        ]);
      }
      if (name !== undefined && other.name === name) {
        throw new InvalidOptionsError('RunnerModule', [
          `name '${name}' is another runner's already`,
        ]);
      }
      if (name === undefined && other.name === undefined && isGlobal && other.isGlobal) {
        throw new InvalidOptionsError('RunnerModule', [
          `isGlobal makes the runners at '${other.path}' and '${path}' injectable under the same classes: give one a name`,
        ]);
      }
    }
    this.runners.push(runner);
    if (name === undefined && this.runners.filter((one) => one.name === undefined).length === 2) {
      new Logger('PipecatRunner').warn(
        'Several runners have no name, so app.get(Runner, { strict: false }) finds the one that was imported last. Give all but one a name.',
      );
    }
  }
}

/** Providers shared by all runners of an application, which has one HTTP server, router and WebSocket adapter. */
@Module({
  providers: [RunnerDirectory, HttpIntake, runnerSocketsProvider, GatewayBinding],
  exports: [RunnerDirectory, HttpIntake, RunnerSocketAdapter],
})
export class RunnerHostModule {}
