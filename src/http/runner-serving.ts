import { RunnerLogger } from '../errors/runner-logger.js';
import { textOfThrown } from '../errors/thrown.js';
import type { Server } from 'node:http';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/**
 * Lifecycle event: the runner begins to serve when its HTTP server listens, or, with another server in front, when the first session opens.
 * Processes, warm pools and the like start then, so that a CLI or a worker that shares the module stays idle.
 */
@Injectable()
export class RunnerServing implements OnModuleInit, OnModuleDestroy {
  private waiting: { readonly name: string; readonly start: () => unknown }[] = [];
  private state: 'idle' | 'serving' | 'over' = 'idle';

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  /**
   * Calls `start` when the runner begins to serve, or now if it already does; never after shutdown. A failure is logged.
   * @param name name of the component, for the log
   */
  onServing(name: string, start: () => unknown): void {
    if (this.state === 'serving') void run(name, start);
    else if (this.state === 'idle') this.waiting.push({ name, start });
  }

  onModuleInit(): void {
    // Absent in an application context or a microservice.
    const server = this.adapterHost.httpAdapter?.getHttpServer() as Server | undefined;
    if (server?.listening) this.begin();
    else server?.once('listening', () => this.begin());
  }

  onModuleDestroy(): void {
    this.state = 'over';
  }

  /** Begins to serve. Idempotent. */
  begin(): void {
    if (this.state !== 'idle') return;
    this.state = 'serving';
    const starts = this.waiting;
    this.waiting = [];
    for (const { name, start } of starts) void run(name, start);
  }
}

async function run(name: string, start: () => unknown): Promise<void> {
  try {
    await start();
  } catch (error) {
    new RunnerLogger('PipecatRunner').error(`${name} could not start: ${textOfThrown(error).text}`);
  }
}
