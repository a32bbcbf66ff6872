import { expect, it } from '@jest/globals';
import * as rtc from '@livekit/rtc-node';
import { disposeRtc } from './rtc-node.js';

const client = () => Reflect.get(globalThis, '_ffiClientInstance') as unknown;
const speak = async () => {
  const source = new rtc.AudioSource(24_000, 1);
  await source.captureFrame(new rtc.AudioFrame(new Int16Array(480), 24_000, 1, 480));
  await source.close();
};

it("the native library of LiveKit's SDK can be used again after it has been ended", async () => {
  await disposeRtc(rtc);
  await speak();
  const first = client();
  expect(first).toBeDefined();
  await disposeRtc(rtc);
  expect(client()).toBeUndefined();
  await speak();
  expect(client()).not.toBe(first);
  await disposeRtc(rtc);
});
