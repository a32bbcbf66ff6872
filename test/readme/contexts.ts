/** The surroundings in which one code block of the documentation stands. */
export interface BlockContext {
  /** Text that tells the block from all others. */
  readonly has: string;
  /** The name of its file. */
  readonly name: string;
  /** The code before it, in one line. @default none: the block is a complete file */
  readonly before?: string;
  readonly after?: string;
}

/** A block that is one expression, and gives a module. */
const module = (name: string, has: string, before = '') => ({
  name,
  has,
  before: `${before} export default `,
});
const members = (name: string, has: string, before: string) => ({ name, has, before, after: '}' });
const statements = (name: string, has: string, before = '', self = 'void') => ({
  name,
  has,
  before: `${before} export async function f(this: ${self}, transport: MediaTransport, session: BotSession, args: SmallWebRTCRunnerArguments) {`,
  after: '}',
});

/** The context of every block, in no order. */
export const CONTEXTS: readonly BlockContext[] = [
  module('genesys', 'genesys: { apiKey'),
  module('vonage-video', 'sessionId: process.env.VONAGE_SESSION_ID'),
  module(
    'vonage-video-rooms',
    'createRoom: async (session) =>',
    'declare const video: { createSession(options: object): Promise<{ sessionId: string }>; generateClientToken(id: string, options: { role?: string; data?: string }): string };',
  ),
  module('resume-calls', 'resumeCalls: true'),
  module('unknown-callers', "TelephonyModule.forRoot({ unknownCallers: 'bot' });"),
  { name: 'reception-bot', has: 'class ReceptionBot' },
  { name: 'fleet', has: 'redis: process.env.REDIS_URL!' },
  { name: 'fleet-servers', has: 'export const onSentinel' },
  {
    name: 'fleet-config',
    has: 'inject: [ConfigService], // of ConfigModule',
    before:
      "import { localFleet, redisFleet } from 'nestjs-pipecat-runner/fleet'; declare class ConfigService { get<T>(name: string): T | undefined; getOrThrow<T>(name: string): T }",
  },
  {
    name: 'fleet-environment',
    has: 'function fleetOfEnv()',
    before:
      "import { SupportBot } from './support-bot.js'; import { hostname } from 'node:os'; import { type FleetRole, localFleet, redisFleet } from 'nestjs-pipecat-runner/fleet';",
  },
  {
    name: 'main-that-exits',
    has: "await app.listen(process.env.PORT || 3000, '0.0.0.0');",
    before: "import { NestFactory } from '@nestjs/core'; declare class AppModule {}",
    after: 'export {};',
  },
  {
    name: 'fleet-roles',
    has: 'export const workers = redisFleet',
    before:
      "import { redisFleet } from 'nestjs-pipecat-runner/fleet'; const common = { redis: 'redis://127.0.0.1', secret: 's'.repeat(32), advertiseUrl: 'http://10.0.0.7:3000' };",
  },
  { name: 'acme-carrier', has: 'const acme: Carrier' },
  statements('genesys-message', 'transport.sendMessage({'),
  statements(
    'last-words',
    'sendAudio(goodbye)',
    'declare const goodbye: { pcm: Int16Array; sampleRateHz: number };',
  ),
  statements('what-was-heard', 'const { playedMs, totalPlayedMs, position }'),
  { name: 'pcm.serializer', has: 'class PcmSerializer' },
  { name: 'pcm.media', has: 'mediaConnections.register(' },
  { name: 'pcm.transport', has: 'class PcmTransport' },
  { name: 'pcm.gateway', has: 'class PcmGateway' },
  { name: 'pcm.controller', has: 'class PcmController' },
  { name: 'pcm.module', has: 'class PcmModule' },
  { name: 'support-bot', has: 'class SupportBot' },
  { name: 'output-errors', has: 'for (const output of' },
  { name: 'realtime-bot', has: 'class RealtimeBot' },
  { name: 'gemini-live', has: 'class LiveBot' },
  { name: 'livekit-agents', has: 'class LiveKitBot' },
  { name: 'llms', has: 'class SmallestBot' },
  statements(
    'rtvi',
    'rtvi.onClientMessage((',
    'interface Host { orders: { find(data: unknown): object }; hear(content: string): void }',
    'Host',
  ),
  statements('rtvi-function', 'rtvi.callFunction(', 'declare const rtvi: RtviSession;'),
  {
    name: 'python-uploads',
    has: 'launcher.fileStorage()',
  },
  module('process-bot', '() => new ProcessBotLauncher({ python', "const apiKey = 'key';"),
  {
    name: 'host-test',
    has: "it('answers a call'",
    before:
      "import { it } from 'node:test'; import { expect } from 'expect'; import { AppModule } from './support-bot.js'; const recording = new Int16Array(16_000).fill(9_000); ",
  },
  module(
    'small-webrtc',
    'SmallWebRtcModule.forRoot({\n  iceServers',
    "const username = 'user'; const credential = 'secret';",
  ),
  statements(
    'camera',
    'const { camera, screenVideo }',
    'declare function look(data: Uint8Array): void; declare const data: Buffer; declare const timestampMs: number;',
  ),
  module('telephony', 'webhookKeys: { twilio'),
  module('caller-parameters', 'customParameters: callerParameters'),
  module('daily', 'warmRooms: 3'),
  module(
    'livekit',
    'LiveKitModule.forRoot({ url',
    "const apiKey = 'key'; const apiSecret = 'secret';",
  ),
  // It is not run: it needs a Python bot.
  statements('moq', 'MoqModule.forRoot({ relayUrl'),
  module('whatsapp', 'WhatsAppModule.forRoot({\n'),
  members(
    'outbound-calls',
    'async remind(',
    'export class Reminders { readonly outcomes = new Map<string, string>();',
  ),
  statements(
    'transfer',
    'await transport.transfer(desk)',
    'declare const desk: string; declare function say(transport: MediaTransport, text: string): Promise<void>;',
  ),
  members(
    'call-router',
    'async route(',
    'interface Line { tenant: string; isOpen: boolean; bot: string; greeting: string; lines: number; account: { accountSid: string; authToken: string } } export class Router extends CallRouter { declare numbers: { find(to?: string): Promise<Line | undefined> };',
  ),
  members(
    'session-hooks',
    'ended({ sessionId',
    'export class Records extends SessionHooks { declare calls: { insert(row: object): Promise<void> };',
  ),
  members('sales-calls', 'this.sales.get(OutboundCalls)', 'export class Calls {'),
  module('keys', 'publicKeys: ['),
  {
    name: 'jwt-auth',
    has: 'class JwtAuth',
    before:
      'interface User { sub: string; isAdmin: boolean } class JwtService { declare verifyAsync: <T extends object>(token: string) => Promise<T> } class JwtModule { declare static register: (options: { secret?: string }) => DynamicModule }',
  },
  members(
    'guard',
    'canActivate(',
    'export class LoginGuard implements CanActivate { declare isLoggedIn: (context: ExecutionContext) => boolean;',
  ),
  {
    name: 'two-runners',
    has: "name: 'support'",
    before: "import { SupportBot } from './support-bot.js'; class SalesBot extends SupportBot {}",
  },
  {
    name: 'throttler',
    has: 'skipIf: (context) => !startsSession(context)',
  },
  statements(
    'session-requests',
    'session.onRequest(async',
    'declare function update(context: unknown): object;',
  ),
  members(
    'health-check',
    "health.addCheck('database'",
    'class Database { declare ping: () => Promise<void> } export class Checks {',
  ),
  {
    name: 'readme-test',
    has: "it('says back what a caller says'",
    before: "import { it } from 'node:test'; import { AppModule } from './support-bot.js'; ",
  },
  { name: 'app.module', has: 'class GreeterBot' },
  { name: 'main', has: "import { NestFactory } from '@nestjs/core'" },
  { name: 'time-bot', has: 'class TimeBot' },
  { name: 'menu-bot', has: 'class MenuBot' },
  {
    name: 'websocket',
    has: '@Module({ imports: [RunnerModule.forRoot({ launcher: EchoBot, transports',
  },
  { name: 'turn', has: "createHmac('sha1'" },
  { name: 'telnyx', has: 'export const telnyx' },
  { name: 'plivo', has: 'export const plivo' },
  { name: 'exotel', has: 'export const exotel' },
  { name: 'settings', has: 'class SettingsModule' },
  {
    name: 'mounted',
    has: "server.on('upgrade'",
    before:
      "import type { Server } from 'node:http'; import type { INestApplication } from '@nestjs/common'; declare const server: Server; declare const app: INestApplication; ",
  },
  { name: 'operations', has: 'startQueueMs: 3_000' },
  { name: 'console', has: 'console: true })]' },
  { name: 'options', has: "path: 'voice',\n  maxSessions: 50," },
  { name: 'uploads', has: "uploads: { folder: './uploads'" },
  { name: 'memory-storage', has: 'class MemoryStorage' },
  { name: 'session-log', has: 'class SessionLog' },
  { name: 'migration', has: 'transports: transportsFromEnv(process.env)' },
];

/** The environment that the blocks read. */
export const ENVIRONMENT = {
  VONAGE_APPLICATION_ID: 'app',
  VONAGE_SESSION_ID: 'room',
  VONAGE_TOKEN: 'token',
  SHOP_KEY: 'a-public-key-of-the-shop',
  KIOSK_KEY_SHA256: '0'.repeat(64),
  RUNNER_PRIVATE_KEY: 'a-private-key-of-the-runner',
  TWILIO_AUTH_TOKEN: 'token',
  TELNYX_PUBLIC_KEY: 'Y'.repeat(43) + '=',
  GENESYS_API_KEY: 'key',
  GENESYS_CLIENT_SECRET: Buffer.from('secret').toString('base64'),
  DAILY_API_KEY: 'key',
  PINLESS_HMAC_SECRET: Buffer.from('secret').toString('base64'),
  WHATSAPP_TOKEN: 'token',
  WHATSAPP_PHONE_NUMBER_ID: '1234567890',
  WHATSAPP_APP_SECRET: 'secret',
  WHATSAPP_WEBHOOK_VERIFICATION_TOKEN: 'verify',
};

/** The values that modules in the middle of a sentence take for granted. */
export const INLINE =
  "import { PcmModule } from './pcm.module.js'; import { SupportBot } from './support-bot.js'; class OrdersModule {} const credentials = {}; const pingIntervalMs = 30_000; const throttlers = [{ ttl: 60_000, limit: 10 }];";
