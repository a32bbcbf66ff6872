import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { Test } from '@nestjs/testing';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterEach, describe, expect, it } from '@jest/globals';
import { chromium } from 'playwright-core';
import { apiRouteOf } from '../../src/http/api-route.decorator.js';
import { HttpIntake } from '../../src/http/intake/http-intake.js';
import {
  DailyModule,
  DownloadsModule,
  LiveKitModule,
  MetricsModule,
  OpenApiModule,
  RunnerModule,
  SmallWebRtcModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  TelephonyModule,
  WebSocketModule,
  WhatsAppModule,
} from '../../src/index.js';
import { SwaggerPackage } from '../../src/openapi/runner-api.js';
import { RecordingLauncher, startHost } from '../../src/testing/index.js';
import { CHROMIUM } from '../support/chromium.js';
import { closeApps, PLATFORMS, startApp } from '../support/runner-app.js';
import { itWith } from '../support/needs.js';

afterEach(closeApps);

const everything = (options: RunnerOptions & RunnerModuleExtras = {}) =>
  RunnerModule.forRoot({
    launcher: { useValue: new RecordingLauncher() },
    transports: [
      WebSocketModule.forRoot(),
      TelephonyModule.forRoot(),
      DailyModule.forRoot({ apiKey: 'key' }),
      LiveKitModule.forRoot(),
      SmallWebRtcModule.forRoot(),
      WhatsAppModule.forRoot({ token: 't', phoneNumberId: '1', appSecret: 's', verifyToken: 'v' }),
    ],
    features: [
      MetricsModule.forRoot(),
      DownloadsModule.forRoot({ folder: 'demo' }),
      OpenApiModule.forRoot({ title: 'Bots', version: '7.0' }),
    ],
    console: true,
    ...options,
  });

async function documentOf(url: string): Promise<Record<string, Record<string, unknown>>> {
  const response = await fetch(`${url}/openapi.json`);
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  return (await response.json()) as Record<string, Record<string, unknown>>;
}

async function expectValid(document: object, version: string): Promise<void> {
  const validator = new Validator();
  // It takes plain objects only, and adds to them.
  const plain = JSON.parse(JSON.stringify(document)) as Record<string, unknown>;
  const result = await validator.validate(plain);
  expect(result).toEqual({ valid: true });
  expect(validator.version).toBe(version);
}

describe.each(PLATFORMS)('GET /openapi.json on %s', (platform) => {
  it('describes every route in valid OpenAPI', async () => {
    const { app, url } = await startApp(platform, [everything()]);
    const { routes: routed } = app.get(HttpIntake, { strict: false });
    const routes = routed.map(({ path, route }) => ({ path, handler: route.handle }));
    expect(routes.length).toBeGreaterThan(9);
    // A route that is missing here has no @ApiRoute at its handler.
    expect(routes.filter(({ handler }) => !apiRouteOf(handler)).map(({ path }) => path)).toEqual(
      [],
    );

    const document = await documentOf(url);
    await expectValid(document, '3.1');
    expect(document.info).toMatchObject({ title: 'Bots', version: '7.0' });
    expect(Object.keys(document.paths!).sort()).toEqual([
      '/api/offer',
      '/client',
      '/client/{path}',
      '/daily',
      '/daily-dialin-webhook',
      '/docs',
      '/docs/{file}',
      '/files/{path}',
      '/livekit-webhook',
      '/livez',
      '/metrics',
      '/openapi.json',
      '/readyz',
      '/sessions',
      '/sessions/{id}',
      '/sessions/{id}/api/offer',
      '/sessions/{id}/files',
      '/sessions/{id}/{path}',
      '/start',
      '/status',
      '/telephony/documents/{id}',
      '/telephony/{carrier}',
      '/whatsapp',
    ]);
    expect(document.paths!['/start']).toMatchObject({
      post: {
        operationId: 'postStart',
        requestBody: {
          required: false,
          content: {
            'application/json': { schema: { $ref: '#/components/schemas/StartRequest' } },
          },
        },
        responses: {
          200: {
            content: {
              'application/json': { schema: { $ref: '#/components/schemas/StartAnswer' } },
            },
          },
          422: {
            description: 'Unprocessable Entity: INVALID_FIELDS',
            content: { 'application/json': { schema: { $ref: '#/components/schemas/ErrorBody' } } },
          },
          429: { headers: { 'Retry-After': { schema: { type: 'integer' } } } },
        },
      },
    });
    expect(document.paths!['/telephony/{carrier}']).toMatchObject({
      post: {
        parameters: [
          { name: 'carrier', in: 'path', required: true, schema: { enum: expect.any(Array) } },
        ],
      },
    });
    const { schemas } = document.components as { schemas: Record<string, Record<string, unknown>> };
    expect(JSON.stringify(schemas)).not.toMatch(/"type":"object","enum"/);
    expect(schemas.DialinWebhook!.required).toEqual(['callId', 'callDomain']);
    expect(schemas.StartRequest!.properties).toMatchObject({
      transport: {
        anyOf: [
          {
            type: 'string',
            enum: expect.arrayContaining(['websocket', 'twilio', 'daily', 'webrtc']),
          },
          { type: 'null' },
        ],
      },
    });
    expect(schemas.DailyRoomProperties!.properties).toMatchObject({
      max_participants: { anyOf: [{ type: 'integer', minimum: 1 }, { type: 'null' }] },
      sip: { anyOf: [{ $ref: '#/components/schemas/DailyRoomSip' }, { type: 'null' }] },
    });
  });

  it('is correct under any path, and leaves out disabled routes', async () => {
    const { url } = await startApp(
      platform,
      [everything({ path: 'voice', health: false, transports: [WebSocketModule.forRoot()] })],
      (app) => app.setGlobalPrefix('api'),
    );
    const document = await documentOf(`${url}/api/voice`);
    const { servers, paths } = document as unknown as {
      servers: { url: string }[];
      paths: Record<string, unknown>;
    };
    expect(Object.keys(paths).sort()).toEqual([
      '/client',
      '/client/{path}',
      '/docs',
      '/docs/{file}',
      '/files/{path}',
      '/metrics',
      '/openapi.json',
      '/sessions',
      '/sessions/{id}',
      '/sessions/{id}/files',
      '/sessions/{id}/{path}',
      '/start',
      '/status',
    ]);
    const server = new URL(servers[0]!.url, `${url}/api/voice/openapi.json`).href;
    expect((await fetch(server.replace(/\/$/, '') + '/status')).status).toBe(200);
  });

  it('has a documentation page that loads and runs its own files only', async () => {
    const { url } = await startApp(platform, [everything()]);
    const response = await fetch(`${url}/docs`);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self'; .*base-uri 'none'/,
    );
    const page = await response.text();
    expect(page).not.toMatch(/<script>|<style|https?:\/\//);
    const files = [...page.matchAll(/(?:src|href)="(docs[^"]+)"/g)].map(([, file]) => file!);
    expect(files).toHaveLength(3);
    for (const file of files) {
      const { status, headers } = await fetch(new URL(file, `${url}/docs`));
      expect([file, status]).toEqual([file, 200]);
      expect(headers.get('content-type')).toMatch(/^text\/(css|javascript)/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
    for (const other of ['index.html', '..%2fpackage.json', 'package.json']) {
      expect((await fetch(`${url}/docs/${other}`)).status).toBe(404);
    }
  });
});

describe('the documentation page in a browser', () => {
  itWith('chromium')('shows the description, and breaks none of its own rules', async () => {
    const { url } = await startApp('fastify', [everything()]);
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu'],
    });
    try {
      const page = await browser.newPage();
      const complaints: string[] = [];
      const asked: string[] = [];
      page.on('console', (message) => complaints.push(message.text()));
      page.on('request', (request) => asked.push(request.url()));
      await page.goto(`${url}/docs`);
      await page.getByRole('button', { name: /^POST \/start Opens/ }).click();
      await page.getByText('createDailyRoom').first().waitFor();
      expect(asked.filter((one) => !one.startsWith(url) && !one.startsWith('data:'))).toEqual([]);
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});

describe('a host without @nestjs/swagger', () => {
  it('has neither the document nor a page, and says what installs them', async () => {
    class Missing extends SwaggerPackage {
      protected override get path(): undefined {
        return undefined;
      }
    }
    const host = await startHost(
      Test.createTestingModule({ imports: [everything()] })
        .overrideProvider(SwaggerPackage)
        .useClass(Missing),
      { logger: ['error'] },
    );
    for (const path of ['openapi.json', 'docs', 'docs/swagger-ui.css']) {
      const response = await fetch(`${host.url}/${path}`);
      expect([path, response.status]).toEqual([path, 404]);
      expect(await response.text()).toMatch(/npm install @nestjs\/swagger.*@nestjs\/swagger@11/);
    }
    await host.close();
  });
});

describe('a host with @nestjs/swagger', () => {
  it('has the routes of the runner in its document', async () => {
    @Module({ imports: [everything({ path: 'voice' })] })
    class HostModule {}
    const app = await NestFactory.create(HostModule, new FastifyAdapter(), { logger: false });
    await app.init();
    const document = SwaggerModule.createDocument(app, new DocumentBuilder().build());
    await app.close();

    await expectValid(document, '3.0');
    expect(document.paths['/voice/start']).toMatchObject({
      post: {
        summary: 'Opens a session, and says how to reach it',
        requestBody: {
          required: false,
          content: {
            'application/json': { schema: { $ref: '#/components/schemas/StartRequest' } },
          },
        },
        responses: {
          200: {
            content: {
              'application/json': { schema: { $ref: '#/components/schemas/StartAnswer' } },
            },
          },
          429: { description: 'Too Many Requests: AT_CAPACITY' },
        },
      },
    });
    expect(document.paths['/voice/telephony/{carrier}']).toMatchObject({
      post: {
        parameters: [{ name: 'carrier', in: 'path', schema: { enum: expect.any(Array) } }],
        requestBody: { content: { 'application/x-www-form-urlencoded': expect.anything() } },
        responses: { 200: { content: { 'application/xml': { schema: { type: 'string' } } } } },
      },
    });
    expect(document.components!.schemas).toMatchObject({
      DialinAnswer: { required: ['dailyRoom', 'dailyToken', 'sessionId'] },
      DialinPingAnswer: { required: ['status'] },
    });
  });
});
