import { RunnerLogger } from '../errors/runner-logger.js';
import { textOfThrown } from '../errors/thrown.js';
import type { Server } from 'node:http';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/**
 * The moment the runner begins to serve: its HTTP server listens, or, where another server brings the requests, the first session opens.
 * The parts that only a serving runner needs start then, so that a CLI or a worker that shares the module stays idle.
 */
@Injectable()
export class RunnerServing implements OnModuleInit, OnModuleDestroy {
  private waiting: { readonly name: string; readonly start: () => unknown }[] = [];
  private state: 'idle' | 'serving' | 'over' = 'idle';

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  /**
   * Runs `start` when the runner begins to serve, or now if it does; never after its end. A failure is logged.
   * @param name of what starts, for the log
   */
  onServing(name: string, start: () => unknown): void {
    if (this.state === 'serving') void run(name, start);
    else if (this.state === 'idle') this.waiting.push({ name, start });
  }

  onModuleInit(): void {
    // There is none in an application context or a microservice.
    const server = this.adapterHost.httpAdapter?.getHttpServer() as Server | undefined;
    if (server?.listening) this.begin();
    else server?.once('listening', () => this.begin());
  }

  onModuleDestroy(): void {
    this.state = 'over';
  }

  /** Begins, if it has not begun yet. */
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
