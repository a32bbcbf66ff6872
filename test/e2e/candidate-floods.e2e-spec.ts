import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type * as werift from 'werift';
import { type SmallWebRTCRunnerArguments, SmallWebRtcModule } from '../../src/index.js';
import { EchoBot } from '../../src/standalone/echo.bot.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { heldBytes, heldSince } from '../support/held-bytes.js';
import { shareOf } from '../support/matrix.js';
import {
  closeApps,
  PLATFORMS,
  post,
  runnerModule,
  type RunningApp,
  startApp,
} from '../support/runner-app.js';
import { warmUp, WebRtcClient } from '../support/webrtc-client.js';

beforeAll(warmUp, 60_000);

/** The most that one request may have, and the most of an ICE generation. */
const MOST = 100;
const REQUESTS = 100;
/** Requests at a time. */
const AT_A_TIME = 20;
const MOST_BYTES = 4_000_000;

let running: RunningApp;
let launcher: RecordingLauncher;
let client: WebRtcClient;
beforeEach(() => {
  launcher = new RecordingLauncher((args, session) => new EchoBot().launch(args, session));
});
afterEach(async () => {
  await closeApps();
  await client.pc.close();
});

/**
 * Makes a call: by the route of its session on Express, by the other one on Fastify.
 * @returns the URL of its offers, the id of its connection, and what the runner has of its candidates
 */
async function call(platform: (typeof PLATFORMS)[number]) {
  running = await startApp(platform, [
    runnerModule('forRoot', {
      launcher: { useValue: launcher },
      transports: [SmallWebRtcModule.forRoot()],
    }),
  ]);
  const { sessionId } = await post(`${running.url}/start`, { transport: 'webrtc' });
  const offerUrl = `${running.url}${platform === 'express' ? `/sessions/${sessionId}` : ''}/api/offer`;
  client = await WebRtcClient.connect({ offerUrl });
  const { args } = await launcher.nextLaunch();
  const { webrtc_connection: connection } = args as SmallWebRTCRunnerArguments;
  const { peer } = connection as unknown as { peer: { pc: werift.RTCPeerConnection } };
  const ice = peer.pc.iceTransports[0]!.connection;
  return { offerUrl, pcId: connection.pcId, ice };
}

const add = async (url: string, pc_id: string, candidates: object[]): Promise<number> => {
  const response = await fetch(url, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ pc_id, candidates }),
  });
  await response.arrayBuffer();
  return response.status;
};

/** A candidate at an address of loopback that nobody has. */
const candidate = (i: number) => ({
  candidate: `candidate:${i} 1 udp 1 127.1.${(i >> 8) % 256}.${i % 256} 9 typ host`,
  sdp_mid: '0',
  sdp_mline_index: 0,
});

type Request = (i: number) => [candidates: object[], pcId?: string];
const list = (of: (i: number) => object, count = MOST): object[] =>
  Array.from({ length: count }, (_, i) => of(i));

const FLOODS: [what: string, request: Request, status: number][] = [
  ['different ones', (i) => [list((j) => candidate(i * MOST + j))], 200],
  ['the same one over and over', () => [list(() => candidate(1))], 200],
  [
    'host names',
    (i) => [
      list((j) => ({ candidate: `candidate:1 1 udp 1 ${i}-${j}.local 9 typ host`, sdp_mid: '0' })),
    ],
    200,
  ],
  ['ends of candidates', () => [list(() => ({ candidate: '', sdp_mid: '0' }))], 200],
  [
    'sections with long names',
    (i) => [list((j) => ({ ...candidate(j), sdp_mid: `${i}`.repeat(2_000) }), 50)],
    200,
  ],
  [
    'another ICE generation',
    (i) => [[{ ...candidate(i), candidate: `${candidate(i).candidate} ufrag none` }]],
    200,
  ],
  ['one too many in a request', () => [list(candidate, MOST + 1)], 422],
  ['lines that are too long', () => [[{ candidate: 'x'.repeat(501) }]], 422],
  ['connections that there are not', (i) => [list(candidate), `SmallWebRTCConnection#${i}`], 404],
];

describe.each(PLATFORMS)('floods of ICE candidates on %s', (platform) => {
  it.each(shareOf(FLOODS, platform, PLATFORMS))(
    'are bounded, and disturb no call: %s',
    async (_, request, status) => {
      const { offerUrl, pcId, ice } = await call(platform);
      const before = { bytes: await heldBytes(), candidates: ice.remoteCandidates.length };
      for (let i = 0; i < REQUESTS; i += AT_A_TIME) {
        const statuses = await Promise.all(
          Array.from({ length: AT_A_TIME }, (_, j) => {
            const [candidates, unknown] = request(i + j);
            return add(offerUrl, unknown ?? pcId, candidates);
          }),
        );
        expect(new Set(statuses)).toEqual(new Set([status]));
      }
      expect(ice.remoteCandidates.length).toBeLessThanOrEqual(before.candidates + MOST);
      expect(await heldSince(before.bytes, MOST_BYTES)).toBeLessThan(MOST_BYTES);
      client.send({
        label: 'rtvi-ai',
        type: 'client-ready',
        id: 'still there',
        data: { version: '2.1.0' },
      });
      await client.next((message: { id?: string }) => message.id === 'still there');
      await client.listen(0.1);
    },
  );
});
