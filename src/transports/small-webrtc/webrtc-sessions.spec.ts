import { describe, expect, it } from '@jest/globals';
import { BROWSER_OFFER } from '../../../test/support/offers.js';
import type { Principal } from '../../auth/runner-auth.js';
import type { BotLauncher } from '../../bot/bot-launcher.js';
import { SessionEnd } from '../../bot/session-end.js';
import type { SessionRegistry } from '../../sessions/session-registry.js';
import { Session } from '../../sessions/session.js';
import type { TransportRegistry } from '../transport-registry.js';
import { IceServers } from './ice-servers.js';
import type { Peer, PeerEvents } from './peer/peer.js';
import { resolveSmallWebRtcOptions } from './small-webrtc.options.js';
import { WebRtcConnections } from './webrtc-connections.js';
import { WebRtcSessions } from './webrtc-sessions.js';

/** Signalling of sessions whose peer connections the test plays. */
function setUp() {
  const options = resolveSmallWebRtcOptions({});
  const peers: PeerEvents[] = [];
  const started: Session[] = [];
  const stack = {
    create: (_: unknown, events: PeerEvents) => {
      peers.push(events);
      const peer: Partial<Peer> = {
        answer: async () => ({ sdp: BROWSER_OFFER.replace('actpass', 'active'), tracks: [] }),
        send: () => false,
        close: async () => undefined,
      };
      return peer as Peer;
    },
  };
  const registry = {
    start: (
      { principal }: { principal?: Principal },
      begin: (session: Session) => Promise<unknown>,
    ) => {
      const id = `session ${started.length}`;
      const session = new Session(id, { transport: 'webrtc', principal }, () => undefined);
      session.connect();
      started.push(session);
      return begin(session);
    },
    launch: () => undefined,
  };
  const sessions = new WebRtcSessions(
    options,
    new WebRtcConnections(options, stack, new IceServers(options), {} as BotLauncher),
    registry as unknown as SessionRegistry,
    { require: () => undefined } as unknown as TransportRegistry,
  );
  /** The session that answers an offer. */
  const offer = async (principal?: Principal, pc_id?: string, sessionId?: string) => {
    const answer = await sessions.offer({ sdp: BROWSER_OFFER, type: 'offer', pc_id }, principal, sessionId); // prettier-ignore
    return answer.pc_id;
  };
  const addCandidates = (principal: Principal | undefined, pc_id: string, sessionId?: string) =>
    sessions.addCandidates({ pc_id, candidates: [] }, principal, sessionId);
  return { peers, started, offer, addCandidates };
}

const [ALICE, BOB] = [{ id: 'alice' }, { id: 'bob' }];
const UNKNOWN = expect.objectContaining({ code: 'NOT_FOUND' });

describe('a WebRTC connection that a client names', () => {
  it('is that of its own principal only', async () => {
    const { started, offer, addCandidates } = setUp();
    const id = await offer(ALICE);
    expect(await offer(ALICE, id)).toBe(id);
    addCandidates(ALICE, id);
    expect(() => addCandidates(BOB, id)).toThrow(UNKNOWN);
    expect(await offer(BOB, id)).not.toBe(id);
    expect(started).toHaveLength(2);
    for (const session of started) await session.end(new SessionEnd('stopped', 'enough'));
  });

  it('is that of the session in the path only', async () => {
    const { started, offer, addCandidates } = setUp();
    const id = await offer();
    const [session] = started;
    expect(await offer(undefined, id, session!.id)).toBe(id);
    addCandidates(undefined, id, session!.id);
    expect(() => addCandidates(undefined, id, 'another')).toThrow(UNKNOWN);
    await session!.end(new SessionEnd('stopped', 'enough'));
  });

  it('is unknown once its session has ended', async () => {
    const { started, offer, addCandidates } = setUp();
    const id = await offer();
    await started[0]!.end(new SessionEnd('stopped', 'enough'));
    expect(() => addCandidates(undefined, id)).toThrow(UNKNOWN);
    expect(await offer(undefined, id)).not.toBe(id);
    await started[1]!.end(new SessionEnd('stopped', 'enough'));
  });
});

describe('the end of a WebRTC connection', () => {
  it.each<[string, (events: PeerEvents) => void, string]>([
    ['fails before the client was connected', (events) => events.failed('broken'), 'expired'],
    [
      'fails after the client was connected',
      (events) => {
        events.connected();
        events.failed('broken');
      },
      'peer_left',
    ],
    ['is left', (events) => events.left(), 'peer_left'],
  ])('is that of its session: it %s', async (_, end, code) => {
    const { peers, started, offer } = setUp();
    await offer();
    end(peers[0]!);
    await expect(started[0]!.ended).resolves.toMatchObject({ code });
  });
});
