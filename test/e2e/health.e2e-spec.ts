import { Controller, Get } from '@nestjs/common';
import {
  HealthCheck,
  type HealthCheckResult,
  HealthCheckService,
  TerminusModule,
} from '@nestjs/terminus';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  RunnerHealth,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  SessionRegistry,
  WebSocketModule,
} from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { closeApps, PLATFORMS, post, type RunningApp, startApp } from '../support/runner-app.js';

let running: RunningApp | undefined;
afterEach(closeApps);

async function get(path: string): Promise<{ status: number; json: Record<string, unknown> }> {
  const response = await fetch(running!.url + path);
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

describe.each(PLATFORMS)('health probes on %s', (platform) => {
  const start = async (options: RunnerOptions & RunnerModuleExtras = {}, host: object = {}) => {
    const module = RunnerModule.forRoot({
      launcher: { useValue: new RecordingLauncher() },
      transports: [WebSocketModule.forRoot()],
      onlyTransport: 'websocket',
      ...options,
    });
    running = await startApp(platform, [module, TerminusModule], undefined, host);
    return {
      ...running,
      health: running.app.get(RunnerHealth, { strict: false }),
      sessions: running.app.get(SessionRegistry, { strict: false }),
    };
  };

  it('report live, and ready while a session could start', async () => {
    const { url, sessions } = await start({ maxSessions: 1 });
    expect(await get('/livez')).toEqual({ status: 200, json: { status: 'ok' } });
    expect(await get('/readyz')).toEqual({ status: 200, json: { status: 'ready' } });
    await post(`${url}/start`);
    // At capacity: its conversations need it, and one more is refused by itself.
    expect(await get('/readyz')).toMatchObject({ status: 200 });
    await sessions.drain();
    expect(await get('/readyz')).toEqual({
      status: 503,
      json: {
        statusCode: 503,
        error: 'Service Unavailable',
        code: 'UNHEALTHY',
        failing: ['sessions'],
        message: expect.any(String),
        detail: expect.stringMatching(/^sessions: .*shutting down/),
      },
    });
    expect(await get('/livez')).toMatchObject({ status: 200 });
  });

  it('report not ready without a bot or a transport', async () => {
    await start({ launcher: undefined, onlyTransport: 'daily' });
    expect(await get('/readyz')).toMatchObject({
      status: 503,
      json: {
        failing: ['bot', 'transports'],
        detail: expect.stringMatching(/^bot: No bot is configured.* transports: No transport/),
      },
    });
  });

  it('run checks of the host, and hide their reasons', async () => {
    const { health } = await start();
    let fine = true;
    health.addCheck('database', async () => {
      if (!fine) throw new Error('password=hunter2 refused');
    });
    health.addCheck('cache', () => {
      if (!fine) throw new Error('no cache');
    });
    expect(await get('/readyz')).toMatchObject({ status: 200 });
    fine = false;
    const { status, json } = await get('/readyz');
    expect([status, json.failing]).toEqual([503, ['database', 'cache']]);
    expect(JSON.stringify(json)).not.toContain('hunter2');
    health.addCheck('cache', () => undefined);
    expect(await get('/readyz')).toMatchObject({ json: { failing: ['database'] } });
  });

  it('time out a check that does not answer', async () => {
    const { health } = await start();
    health.addCheck('model server', () => new Promise(() => undefined));
    expect(await get('/readyz')).toMatchObject({
      status: 503,
      json: { failing: ['model server'] },
    });
  });

  it('leave the routes to a host that has its own, for use with terminus', async () => {
    @Controller()
    class HealthController {
      constructor(
        private readonly terminus: HealthCheckService,
        private readonly runner: RunnerHealth,
      ) {}

      @Get('livez')
      live(): string {
        return '"mine"';
      }

      @Get('health')
      @HealthCheck()
      check(): Promise<HealthCheckResult> {
        return this.terminus.check([
          () => this.runner.isHealthy(),
          () => this.runner.isHealthy('bots'),
        ]);
      }
    }
    const { url, sessions } = await start(
      { health: false, isGlobal: true },
      { controllers: [HealthController] },
    );
    expect(await (await fetch(`${url}/livez`)).text()).toBe('"mine"');
    expect(await get('/readyz')).toMatchObject({ status: 404 });
    expect(await get('/health')).toMatchObject({
      status: 200,
      json: { status: 'ok', info: { runner: { status: 'up' }, bots: { status: 'up' } } },
    });
    await sessions.drain();
    expect(await get('/health')).toMatchObject({
      status: 503,
      json: { error: { runner: { status: 'down', failing: ['sessions'] } } },
    });
  });
});
