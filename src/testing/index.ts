import 'reflect-metadata';
export type { CarrierDialect } from '../transports/telephony/carriers/carrier-dialect.js';
export type { CarrierName } from '../transports/telephony/carriers/index.js';
export { type BotRtviMessage, connectClient, FakeClient } from './connect-client.js';
export type { HostSource, TestingModuleBuilderLike, TestingModuleLike } from './host-source.js';
export type { SpeakOptions } from './pace.js';
export { FakeCall, placeCall, type PlaceCallOptions } from './place-call.js';
export { type Launch, RecordingLauncher } from './recording-launcher.js';
export {
  type FollowOptions,
  type RingAnswer,
  type RingOptions,
  startHost,
  type StartHostOptions,
  TestHost,
} from './start-host.js';
