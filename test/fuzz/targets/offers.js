import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { exchange, request, requestBytes } from '../support/exchange.js';
import { loadTs } from '../support/load-ts.js';
import { jsonLike, linesLike } from '../support/mutate.js';

const { AUDIO, BROWSER_OFFER, DATA, HOSTILE_OFFERS, offerOf } =
  await loadTs('test/support/offers.ts');

const CANDIDATE = 'candidate:1 1 udp 2113937151 127.0.0.1 42816 typ host generation 0 ufrag 6Yi6';
const LATER = {
  pc_id: '$pc_id',
  candidates: [{ candidate: CANDIDATE, sdp_mid: '0', sdp_mline_index: 0 }],
};

/** As many candidates as a request may have, of the ICE generation of the offers, of another, and of none that is told. */
const manyCandidates = fc
  .constantFrom(CANDIDATE, CANDIDATE.replace('6Yi6', 'x'), CANDIDATE.replace(/ ufrag .*/, ''))
  .map((candidate) => Array.from({ length: 100 }, () => ({ candidate, sdp_mid: '0' })));

const sdp = fc.oneof(
  {
    weight: 5,
    arbitrary: linesLike(
      '\r\n',
      BROWSER_OFFER,
      offerOf(AUDIO('0'), DATA('1')),
      offerOf(AUDIO('a')),
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom(...HOSTILE_OFFERS.map(([, text]) => text)) },
);
const offer = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(sdp, fc.constantFrom({}, {}, {}, { request_data: { bot: 'curt' } }))
      .map(([text, more]) => JSON.stringify({ sdp: text, type: 'offer', ...more })),
  },
  jsonLike({ sdp: offerOf(AUDIO('0')), type: 'offer', restart_pc: false, request_data: { a: 1 } }),
);
const candidates = fc.oneof(
  jsonLike(LATER),
  linesLike(' ', CANDIDATE).map((candidate) =>
    JSON.stringify({ ...LATER, candidates: [{ candidate, sdp_mid: '0' }] }),
  ),
  manyCandidates.map((many) => JSON.stringify({ ...LATER, candidates: many })),
);
const renegotiation = sdp.map((text) =>
  JSON.stringify({ sdp: text, type: 'offer', pc_id: '$pc_id', restart_pc: text.length % 2 === 0 }),
);
/** Copies of a request that are sent at once; more offers than a client may have pending. */
const times = fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.constant(12));

/** SDP offers, renegotiations and candidates. */
export default {
  name: 'offers',
  concurrency: 2,
  parsers: [
    'transports/small-webrtc/sdp.js',
    'transports/small-webrtc/offer.controller.js',
    'transports/small-webrtc/negotiator.js',
    'transports/small-webrtc/webrtc-sessions.js',
    // The launcher decides what the others do: bots in processes of Python, which hold their own connections.
    {
      path: 'transports/small-webrtc/webrtc-connections.js',
      without: ['constructor', 'disabledReason', 'inBot'],
    },
  ],

  async open(world) {
    const post = (method, path, text) => {
      const headers = [
        ['host', 'localhost'],
        ['content-type', 'application/json'],
      ];
      return requestBytes({ method, path, headers, body: Buffer.from(text) });
    };
    /** A session that waits for its client. */
    const startSession = async () => {
      const answer = await exchange(world, post('POST', '/start', '{"transport":"webrtc"}'));
      return /^x-session-id: (\S+)/im.exec(answer)?.[1] ?? 'none';
    };
    return {
      input: fc.record({
        first: offer,
        then: fc.array(
          fc.oneof(
            fc.tuple(fc.constant('PATCH'), candidates, fc.constant(1)),
            fc.tuple(fc.constant('POST'), renegotiation, times),
            fc.tuple(fc.constant('POST'), offer, fc.constant(1)),
          ),
          { maxLength: 3 },
        ),
        path: fc.oneof(
          { weight: 6, arbitrary: fc.constant('/api/offer') },
          { weight: 2, arbitrary: fc.constant('/sessions/$id/api/offer') },
          fc.constantFrom(
            '/api/offer?session_id=$id',
            '/api/offer?session_id=x',
            '/sessions/x/api/offer',
            '/api/offer?a=%',
          ),
        ),
      }),
      async send({ first, then, path: template }) {
        const path = template.includes('$id')
          ? template.replace('$id', await startSession())
          : template;
        const answer = await exchange(world, post('POST', path, first));
        if (/^HTTP\/1\.1 500/.test(answer)) world.report('answer', answer.slice(0, 500));
        const [, pcId = 'none'] = /"pc_id":"([^"]*)"/.exec(answer) ?? [];
        for (const [method, text, copies] of then) {
          const bytes = post(method, path, text.replaceAll('$pc_id', pcId));
          await Promise.all(Array.from({ length: copies }, () => request(world, bytes)));
        }
        // Answers come one at a time, and each opens ports.
        await sleep(1);
      },
      async close() {},
    };
  },
};
