import { describe, expect, it } from '@jest/globals';
import { THROWABLES } from '../../../test/faults/throwables.js';
import { resolveLiveKitOptions } from './livekit.options.js';
import { type LiveKitSdk, LiveKitServer } from './livekit-server.js';

/** A server whose SDK fails with what is thrown. */
function failing(thrown: () => unknown): LiveKitServer {
  const sdk = {
    RoomServiceClient: class {
      deleteRoom(): Promise<never> {
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- that is what is tested
        return Promise.reject(thrown());
      }
    },
    WebhookReceiver: class {},
  };
  const options = { url: 'ws://127.0.0.1:1', apiKey: 'key', apiSecret: 'x'.repeat(32) };
  return new LiveKitServer(resolveLiveKitOptions(options), sdk as unknown as LiveKitSdk);
}

describe('what the SDK of LiveKit throws', () => {
  it.each(Object.entries(THROWABLES))('is a failure of the provider: %s', async (_, make) => {
    await expect(failing(make).deleteRoom('room')).rejects.toMatchObject({
      name: 'ProviderError',
      code: expect.stringMatching(/^PROVIDER_/),
    });
  });

  it.each([
    [{ name: 'TimeoutError' }, 'PROVIDER_TIMEOUT', 'LiveKit did not answer in time'],
    [{ status: 403 }, 'PROVIDER_REFUSED', 'LiveKit answered 403: no'],
    [{}, 'PROVIDER_UNREACHABLE', 'LiveKit could not be reached (no)'],
  ])('is told by its kind: %j', async (fields, code, message) => {
    const error = Object.assign(new Error('no'), fields);
    await expect(failing(() => error).deleteRoom('room')).rejects.toMatchObject({
      code,
      message,
      cause: error,
    });
  });
});
