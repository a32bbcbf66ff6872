export type { CarrierName } from './carrier-dialects.js';
export { FakeCall, placeCall, type PlaceCallOptions, type SpeakOptions } from './place-call.js';
export { type Launch, RecordingLauncher } from './recording-launcher.js';
