import { Body, Controller, Module, Post, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ApiExtraModels, DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { describe, expect, it } from '@jest/globals';
import * as api from '../support/all-classes.js';

const CLASSES: Type<unknown>[] = [
  api.CallData,
  api.DailyBucket,
  api.DailyDialinRequest,
  api.DailyMeetingTokenProperties,
  api.DailyPermissions,
  api.DailyRoom,
  api.DailyRoomProperties,
  api.DailyRoomSip,
  api.DailyRunnerArguments,
  api.DialinSettings,
  api.DialinWebhook,
  api.EvalRunnerArguments,
  api.ExotelCallData,
  api.ListSessionsQuery,
  api.LiveKitRunnerArguments,
  api.MOQRunnerArguments,
  api.RunnerArguments,
  api.SessionInfo,
  api.SmallWebRTCRunnerArguments,
  api.StartRequest,
  api.StopSessionQuery,
  api.TelnyxCallData,
  api.VonageRunnerArguments,
  api.WebSocketRunnerArguments,
];

@ApiExtraModels(...CLASSES)
@Controller()
class AnyController {
  @Post('dialin')
  dialin(@Body() _body: api.DailyDialinRequest): void {}
}

@Module({ controllers: [AnyController] })
class AnyModule {}

describe('OpenAPI metadata', () => {
  it('gives @nestjs/swagger a schema of every class, with a description of every field', async () => {
    const app = await NestFactory.create(AnyModule, new FastifyAdapter(), { logger: false });
    await app.init();
    const { schemas } = SwaggerModule.createDocument(
      app,
      new DocumentBuilder().build(),
    ).components!;
    await app.close();

    for (const { name } of CLASSES) {
      const schema = schemas![name] as { properties: Record<string, { description: string }> };
      for (const [field, property] of Object.entries(schema.properties)) {
        expect([name, field, typeof property.description]).toEqual([name, field, 'string']);
      }
    }
    expect(schemas!.DailyRunnerArguments).toMatchObject({
      required: ['room_url'],
      properties: {
        room_url: { type: 'string', format: 'uri' },
        handle_sigint: { type: 'boolean', default: false },
        pipeline_idle_timeout_secs: { type: 'number', nullable: true, default: 300 },
        call_data: { allOf: [{ $ref: '#/components/schemas/CallData' }] },
      },
    });
    expect(schemas!.DailyDialinRequest).toMatchObject({
      required: ['dialin_settings', 'daily_api_key', 'daily_api_url'],
      properties: { dialin_settings: { allOf: [{ $ref: '#/components/schemas/DialinSettings' }] } },
    });
    expect(schemas!.DailyRoomProperties).toMatchObject({
      properties: {
        exp: { type: 'number' },
        enable_chat: { type: 'boolean' },
        lang: { type: 'string', enum: expect.arrayContaining(['pt-BR']) },
        streaming_endpoints: { type: 'array', items: { type: 'object' } },
        sip: { allOf: [{ $ref: '#/components/schemas/DailyRoomSip' }] },
      },
    });
    expect(schemas!.DialinSettings).toMatchObject({
      properties: { sip_headers: { type: 'object', additionalProperties: { type: 'string' } } },
    });
    expect(schemas!.MOQRunnerArguments).toMatchObject({
      properties: { cert_fingerprints: { type: 'array', items: { type: 'string' }, default: [] } },
    });
    expect(schemas!.WebSocketRunnerArguments).not.toHaveProperty('properties.websocket');
  });
});
