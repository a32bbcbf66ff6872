import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { BotLauncher } from 'nestjs-pipecat-runner';
import { connectClient, RecordingLauncher } from 'nestjs-pipecat-runner/testing';
import request from 'supertest';
import type { App } from 'supertest/types.js';
import { AppModule } from '../src/app.module';

describe('a host with the runner in it, on Express', () => {
  const bot = new RecordingLauncher();
  let app: INestApplication<App>;

  beforeAll(async () => {
    const module = await Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(BotLauncher)
      .useValue(bot)
      .compile();
    app = module.createNestApplication();
    await app.listen(0, '127.0.0.1');
  });
  afterAll(() => app.close());

  it('serves the route of its own', () =>
    request(app.getHttpServer()).get('/').expect(200).expect('Hello World!'));

  it('tells of its transports at /status', () =>
    request(app.getHttpServer())
      .get('/status')
      .expect(200)
      .expect(({ text }) => expect(text).toContain('websocket')));

  it('starts a session at /start that /sessions lists, and runs the overridden bot for a WebSocket client', async () => {
    const { body } = await request(app.getHttpServer())
      .post('/start')
      .send({ transport: 'websocket', body: { user: 7 } })
      .expect(200);
    const { port } = app.getHttpServer().address() as AddressInfo;
    const { search, pathname } = new URL(body.wsUrl);
    const client = await connectClient(`ws://127.0.0.1:${port}${pathname}${search}`);
    const { args, session } = await bot.nextLaunch();
    expect(args.body).toEqual({ user: 7 });
    const sessions = await request(app.getHttpServer()).get('/sessions').expect(200);
    expect(sessions.body.sessions).toMatchObject([{ sessionId: session.id, state: 'running' }]);
    await client.leave();
  });

  it('takes a phone call that its webhook was asked about', async () => {
    const { text } = await request(app.getHttpServer())
      .post('/telephony/twilio')
      .type('form')
      .send({ CallSid: 'CA1', From: '+15550001' })
      .expect(200);
    expect(text).toMatch(/<Stream url="wss?:/);
  });

  it('refuses wrong fields with 422', () =>
    request(app.getHttpServer()).post('/start').send({ transport: 1 }).expect(422));
});
