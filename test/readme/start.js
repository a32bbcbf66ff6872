// The documentation's modules and tests, run: `readme.spec.ts` compiles this beside the code blocks, each a file.
import { it } from 'node:test';
import { NestFactory } from '@nestjs/core';
import { expect } from 'expect';
import { RunnerModule, TransportRegistry } from 'nestjs-pipecat-runner';
import { startHost } from 'nestjs-pipecat-runner/testing';
// Their tests are run by their being imported.
import './host-test.js';
import { MODULES } from './modules.js';
import './readme-test.js';
import { SupportBot } from './support-bot.js';
import { AppModule as ThrottledModule } from './throttler.js';
import { AppModule as TwoRunners } from './two-runners.js';

const FEATURES = /^(Downloads|Metrics|OpenApi|Tracing)Module$/;

/** A runner with a module where it belongs. */
function runnerWith(module) {
  if (module.module === RunnerModule) return module;
  const { name } = module.module;
  if (FEATURES.test(name)) {
    return RunnerModule.forRoot({ launcher: SupportBot, features: [module] });
  }
  return name === 'ThrottlerModule'
    ? RunnerModule.forRoot({ launcher: SupportBot, imports: [module] })
    : RunnerModule.forRoot({ launcher: SupportBot, transports: [module] });
}

for (const [code, module] of Object.entries(MODULES)) {
  it(`takes ${code}`, async () => {
    // Without a server it talks to no provider.
    const app = await NestFactory.createApplicationContext(runnerWith(module), {
      logger: ['error', 'warn'],
      abortOnError: false,
    });
    const transports = app.get(TransportRegistry, { strict: false });
    expect(transports.disabled).toEqual([]);
    await app.close();
  });
}

it('throttles what starts sessions', async () => {
  const host = await startHost({
    module: ThrottledModule,
    imports: [RunnerModule.forRoot({ launcher: SupportBot })],
  });
  const statuses = new Set();
  for (let i = 0; i < 11; i++) {
    statuses.add((await fetch(`${host.url}/start`, { method: 'POST' })).status);
    expect((await fetch(`${host.url}/status`)).status).toBe(200);
  }
  expect([...statuses]).toEqual([400, 429]);
  await host.close();
});

it('has two runners', async () => {
  const host = await startHost(TwoRunners);
  for (const path of ['sales', 'support']) {
    expect((await fetch(`${host.url}/${path}/readyz`)).status).toBe(200);
  }
  await host.close();
});
