import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { datagram, datagramsOf } from '../datagrams/datagram.js';
import { fragments } from '../datagrams/dtls.js';
import { WebRtcCall } from '../support/webrtc-call.js';

const datagrams = fc.array(datagram, { maxLength: 30 });
/** Parts of handshake messages in the name of the client, between its connectivity checks and its handshake. */
const spoofed = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  fc.array(fragments, { minLength: 1, maxLength: 3 }),
);
const input = fc.record({ before: datagrams, spoofed, during: datagrams });

/** Time for the connectivity checks of a client, in milliseconds. */
const CHECKS_MS = 500;

/**
 * Datagrams of strangers to the UDP port of a call while its client connects, before its first datagram and between them. It connects all the
 * same: others than the client are not heard, and what is sent in its name fills no memory.
 */
export default {
  name: 'webrtc-handshake',
  parsers: [
    'compat/werift/guard-ice.js',
    'compat/werift/stun-check.js',
    'compat/werift/guard-dtls.js',
    'compat/werift/handshake-fragments.js',
  ],
  // A call takes one after the other.
  concurrency: 1,

  async open(world) {
    const sendParts = async (call, parts) => {
      call.unmute();
      call.muteDtls();
      const endMs = performance.now() + CHECKS_MS;
      while (!call.ice.nominated && performance.now() < endMs) await sleep(5);
      const watch = await world.watchMemory();
      let bytes = 0;
      for (const data of parts.flatMap((part) => datagramsOf(part))) {
        bytes += data.length;
        await call.spoof(data);
      }
      await watch(bytes);
    };
    const attempt = async ({ before, spoofed: parts, during }) => {
      const call = new WebRtcCall();
      let stranger;
      try {
        await call.offer(world.url, { mute: true });
        stranger = await call.stranger();
        const send = async (list) => {
          for (const given of list)
            for (const data of datagramsOf(given, call.credentials)) await stranger.send(data);
        };
        await send(before);
        if (parts.length > 0) await sendParts(call, parts);
        call.unmute();
        await Promise.all([call.connected(), send(during)]);
        await call.speak();
        return await call.problem();
      } catch (error) {
        return error.message;
      } finally {
        await Promise.all([call.close(), stranger?.close()]);
      }
    };
    return {
      input,
      async send(given) {
        // werift's own client fails now and then on a busy machine.
        const problem = (await attempt(given)) && (await attempt(given)) && (await attempt(given));
        if (problem !== undefined) world.report('a call that connects', problem);
      },
      close: async () => undefined,
    };
  },
};
