import fc from 'fast-check';
import { datagram, datagramsOf } from '../datagrams/datagram.js';
import { WebRtcCall } from '../support/webrtc-call.js';

const input = fc.array(fc.record({ from: fc.constantFrom('stranger', 'client'), datagram }), {
  minLength: 1,
  maxLength: 12,
});

/** Datagrams that anybody can send to the UDP port of a call over WebRTC: from an address of their own, and in the name of the client's. */
export default {
  name: 'datagrams',
  parsers: [
    'compat/werift/guard-ice.js',
    'compat/werift/stun-check.js',
    'compat/werift/guard-dtls.js',
  ],
  // A call takes one after the other.
  concurrency: 1,

  async open(world) {
    let call;
    let stranger;
    const connect = async () => {
      call = await WebRtcCall.open(world.url);
      await call.speak();
      stranger = await call.stranger();
    };
    const close = async () => {
      await Promise.all([call.close(), stranger.close()]);
    };
    await connect();
    return {
      input,
      idleSessions: 2,
      async send(steps) {
        for (const { from, datagram: given } of steps) {
          for (const data of datagramsOf(given, call.credentials)) {
            if (from === 'stranger') await stranger.send(data);
            else await call.spoof(data);
          }
        }
        const problem = await call.problem();
        if (problem === undefined) return;
        world.report('call', problem);
        await close();
        await connect();
      },
      close,
    };
  },
};
