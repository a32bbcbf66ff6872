import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { BotLauncher } from 'nestjs-pipecat-runner';
import { RecordingLauncher } from 'nestjs-pipecat-runner/testing';
import request from 'supertest';
import type { App } from 'supertest/types.js';
import { AppModule } from '../src/app.module';

describe('a host with everything in it, under test', () => {
  let app: INestApplication<App>;

  beforeAll(async () => {
    const module = await Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(BotLauncher)
      .useValue(new RecordingLauncher())
      .compile();
    app = module.createNestApplication();
    await app.init();
  });
  afterAll(() => app.close());

  it('starts a session and counts it, with prom-client as an optional package', async () => {
    await request(app.getHttpServer()).post('/start').send({ transport: 'websocket' }).expect(200);
    const { text } = await request(app.getHttpServer()).get('/metrics').expect(200);
    expect(text).toContain('pipecat_sessions{transport="websocket",state="pending"} 1');
  });

  it('guards its own route, and no route of the runner', async () => {
    await request(app.getHttpServer()).get('/visits').expect(401);
    await request(app.getHttpServer()).get('/status').expect(200);
  });
});
