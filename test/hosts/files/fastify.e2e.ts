import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { BotLauncher } from 'nestjs-pipecat-runner';
import { connectClient, RecordingLauncher } from 'nestjs-pipecat-runner/testing';
import { AppModule } from '../src/app.module';

describe('a host with the runner in it, on Fastify', () => {
  const bot = new RecordingLauncher();
  let app: NestFastifyApplication;

  beforeAll(async () => {
    const module = await Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(BotLauncher)
      .useValue(bot)
      .compile();
    app = module.createNestApplication(new FastifyAdapter());
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
  });
  afterAll(() => app.close());

  const start = (payload: object) => app.inject({ method: 'POST', url: '/start', payload });

  it('serves the route of its own', async () => {
    expect(await app.inject('/')).toMatchObject({ statusCode: 200, body: 'Hello World!' });
  });

  it('tells of its transports at /status', async () => {
    const { statusCode, body } = await app.inject('/status');
    expect([statusCode, body]).toEqual([200, expect.stringContaining('websocket')]);
  });

  it('refuses wrong fields with 422', async () => {
    expect(await start({ transport: 1 })).toMatchObject({ statusCode: 422 });
  });

  it('starts a session at /start that /sessions lists', async () => {
    const started = await start({ transport: 'websocket' });
    expect(started.statusCode).toBe(200);
    const { sessions } = (await app.inject('/sessions')).json();
    expect(sessions).toMatchObject([
      { sessionId: started.headers['x-session-id'], state: 'pending' },
    ]);
  });

  it('runs the overridden bot for a WebSocket client', async () => {
    await app.listen(0, '127.0.0.1');
    const { wsUrl } = (await start({ transport: 'websocket', body: { user: 7 } })).json();
    const { search, pathname } = new URL(wsUrl);
    const client = await connectClient(
      `${(await app.getUrl()).replace('http', 'ws')}${pathname}${search}`,
    );
    const { args } = await bot.nextLaunch();
    expect(args.body).toEqual({ user: 7 });
    await client.leave();
  });
});
