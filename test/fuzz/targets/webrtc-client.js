import fc from 'fast-check';
import { bits, hex } from '../datagrams/bytes.js';
import { rtcp, rtcpBytes, rtp, rtpBytes } from '../datagrams/rtp.js';
import { sctp, sctpBytes } from '../datagrams/sctp.js';
import { stun, stunBytes } from '../datagrams/stun.js';
import { WebRtcCall } from '../support/webrtc-call.js';

const anything = fc.jsonValue({ maxDepth: 4 });
const signal = fc.record({
  type: fc.oneof(
    { weight: 2, arbitrary: fc.constant('trackStatus') },
    fc.constantFrom('renegotiate', 'peerLeft', 1),
  ),
  receiver_index: fc.oneof(
    fc.integer({ min: -1, max: 4 }),
    fc.constantFrom('__proto__', '0', null),
  ),
  enabled: fc.oneof({ weight: 3, arbitrary: fc.boolean() }, anything),
});
const text = fc.oneof(
  fc.constantFrom('ping', 'ping: 1', '', 'null', '[]', '{"__proto__":{"x":1}}'),
  anything.map((value) => JSON.stringify(value)),
  fc
    .oneof({ weight: 3, arbitrary: signal }, anything)
    .map((message) => JSON.stringify({ type: 'signalling', message })),
  anything.map((data) =>
    JSON.stringify({ label: 'rtvi-ai', type: 'client-message', id: '1', data }),
  ),
  fc
    .record({ unit: fc.constantFrom('[', '{"a":', '"', '\\', '{}', '1,', ' '), count: bits(15) })
    .map(({ unit, count }) => unit.repeat(count)),
);
const step = fc.oneof(
  { weight: 5, arbitrary: sctp },
  { weight: 2, arbitrary: rtp },
  { weight: 2, arbitrary: rtcp },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('text'), text }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('bytes'), value: hex(1_000) }) },
  { weight: 1, arbitrary: stun(['right']) },
);
const input = fc.record({
  /** Before the client's association, or after it. */
  early: fc.oneof({ weight: 15, arbitrary: fc.constant(false) }, fc.constant(true)),
  steps: fc.array(step, { minLength: 1, maxLength: 12 }),
});

/** Before its association a client has no numbers of the runner's. */
const EARLY_STATE = { tag: 0, nextTsn: 1, receivedTsn: 0 };

/** Longest time for an answer in the client's own call, before it makes another, in milliseconds. */
const OWN_ANSWER_MS = 200;

/** Traffic of a client that has a call over WebRTC: SCTP before and after its association, messages, encrypted RTP and RTCP, and connectivity checks with the right password. Its own call may end of it, and no other. */
export default {
  name: 'webrtc-client',
  parsers: [
    'compat/werift/guard-sctp.js',
    'compat/werift/guard-ice.js',
    'transports/small-webrtc/small-webrtc-connection.js',
    'transports/small-webrtc/tracks.js',
    'media/rtp/opus-jitter-buffer.js',
  ],
  // A call takes one after the other.
  concurrency: 1,

  async open(world) {
    const other = await WebRtcCall.open(world.url);
    await other.speak();
    let own;
    const call = async (early) => {
      if (own?.isEnded || early || own?.isEarly) {
        await own?.close();
        own = undefined;
      }
      own ??= await WebRtcCall.open(world.url, { early });
      return own;
    };
    return {
      input,
      idleSessions: 3,
      async send({ early, steps }) {
        const { sctpState = EARLY_STATE } = await call(early);
        for (const given of steps) {
          if (own.isEnded) break;
          if (given.kind === 'sctp') await own.sctp(sctpBytes(given, sctpState));
          if (given.kind === 'rtp') await own.srtp(rtpBytes(given));
          if (given.kind === 'rtcp') await own.srtcp(rtcpBytes(given));
          if (given.kind === 'text') own.send(given.text);
          if (given.kind === 'bytes') own.send(Buffer.from(given.value, 'hex'));
          if (given.kind === 'stun') await own.spoof(stunBytes(given, own.credentials));
        }
        // The bot may be without its client, who does not know it.
        if (!own.isEarly && (await own.problem(OWN_ANSWER_MS)) !== undefined) own.isEnded = true;
        const problem = await other.problem();
        if (problem !== undefined) world.report('another call', problem);
      },
      close: () => Promise.all([own?.close(), other.close()]),
    };
  },
};
