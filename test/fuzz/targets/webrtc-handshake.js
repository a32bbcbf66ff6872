import fc from 'fast-check';
import { datagram, datagramsOf } from '../datagrams/datagram.js';
import { WebRtcCall } from '../support/webrtc-call.js';

const datagrams = fc.array(datagram, { maxLength: 30 });
const input = fc.record({ before: datagrams, during: datagrams });

/** What strangers send to the UDP port of a call while its client connects, before its first datagram and between them. It connects all the same: others than the client are not heard. */
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
    const attempt = async ({ before, during }) => {
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
