/** The part of `@livekit/rtc-node` that ends it. */
export interface DisposableRtc {
  readonly dispose: () => Promise<void>;
}

/**
 * Ends the native library of `@livekit/rtc-node`, whose first use keeps the process alive from then on. It remembers its client in a global, and would never
 * hear of rooms again with one that has ended: so that is forgotten, and the next use begins anew.
 */
export async function disposeRtc(rtc: DisposableRtc): Promise<void> {
  if (!Reflect.has(globalThis, CLIENT)) return;
  await rtc.dispose();
  Reflect.deleteProperty(globalThis, CLIENT);
}

const CLIENT = '_ffiClientInstance';
