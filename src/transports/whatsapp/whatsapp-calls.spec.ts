import { describe, expect, it, jest } from '@jest/globals';
import { SessionEnd } from '../../bot/session-end.js';
import type { CallRouting } from '../../calls/call-routing.js';
import { LocalFleet } from '../../fleet/local-fleet.js';
import { RunnerError } from '../../errors/runner.error.js';
import type { HandOver } from '../../sessions/session-context.js';
import type { SessionRegistry } from '../../sessions/session-registry.js';
import { Session } from '../../sessions/session.js';
import type { OpenPeer, WebRtcConnections } from '../small-webrtc/webrtc-connections.js';
import type { TransportRegistry } from '../transport-registry.js';
import type { WhatsAppCall } from './dto/whatsapp-call.dto.js';
import type { WhatsAppClient } from './whatsapp-client.js';
import { WhatsAppCalls } from './whatsapp-calls.js';

const CALL = { id: 'call', from: '491', to: '492', session: { sdp: 'v=0' } } as WhatsAppCall;
const ANSWER = 'v=0\r\na=fingerprint:sha-512 AB\r\na=fingerprint:sha-256 CD\r\n';

/** Calls whose answers to Meta are written down. */
function setUp(start?: () => never) {
  const acts: string[] = [];
  const sdps: string[] = [];
  const act = (name: string) => async (_id: string, _to?: string, sdp?: string) => {
    acts.push(name);
    if (sdp !== undefined) sdps.push(sdp);
  };
  const client = {
    preAccept: act('pre_accept'),
    accept: act('accept'),
    reject: act('reject'),
    terminate: jest.fn(act('terminate')),
  };
  const session = new Session('x', { transport: 'whatsapp' }, () => undefined);
  let handOver!: HandOver;
  const connections = {
    read: () => ({}),
    open: async (_: Session, { adaptAnswer, reply, launch }: OpenPeer<void>) => {
      await reply({ sdp: adaptAnswer(ANSWER), type: 'answer', pc_id: 'x' }, {} as never);
      launch({} as never, {});
    },
  };
  const sessions = {
    start: (_: unknown, begin: (session: Session) => Promise<void>) => start?.() ?? begin(session),
    launch: (one: Session, _: unknown, given: HandOver) => {
      handOver = given;
      one.connect();
    },
  };
  const calls = new WhatsAppCalls(
    client as unknown as WhatsAppClient,
    connections as unknown as WebRtcConnections,
    sessions as unknown as SessionRegistry,
    { route: async () => ({}) } as unknown as CallRouting,
    new LocalFleet(),
    { registerOther: () => undefined } as unknown as TransportRegistry,
  );
  return { calls, session, acts, sdps, client, hangUp: () => handOver.hangUp!() };
}

const STOPPED = new SessionEnd('stopped', 'enough');

describe('a WhatsApp call', () => {
  it('is accepted after it was pre-accepted, with the fingerprint that Meta takes', async () => {
    const { calls, session, acts, sdps } = setUp();
    expect(await calls.ring(CALL)).toBe('The call was answered.');
    expect(acts).toEqual(['pre_accept', 'accept']);
    expect(sdps).toEqual(Array(2).fill('v=0\r\na=fingerprint:sha-256 CD\r\n'));
    await session.end(STOPPED);
    expect(acts.slice(2)).toEqual(['terminate']);
  });

  it('is hung up by neither side twice', async () => {
    const byBot = setUp();
    await byBot.calls.ring(CALL);
    expect(await byBot.hangUp()).toEqual({ ok: true, via: 'api' });
    expect(await byBot.hangUp()).toEqual({ ok: true, via: 'connection' });
    await byBot.session.end(STOPPED);
    expect(byBot.acts.slice(2)).toEqual(['terminate']);

    const byCaller = setUp();
    await byCaller.calls.ring(CALL);
    expect(byCaller.calls.hungUp(CALL.id)).toBe('The call is over.');
    await expect(byCaller.session.ended).resolves.toMatchObject({ code: 'peer_left' });
    expect(byCaller.acts.slice(2)).toEqual([]);
  });

  it('that Meta does not end is hung up with its session again', async () => {
    const { calls, session, acts, client, hangUp } = setUp();
    await calls.ring(CALL);
    client.terminate.mockRejectedValueOnce(new Error('down'));
    expect(await hangUp()).toEqual({ ok: false, via: 'api', error: 'down' });
    await session.end(STOPPED);
    expect(acts.slice(2)).toEqual(['terminate']);
  });

  it('is unknown after its end', async () => {
    const { calls, session } = setUp();
    await calls.ring(CALL);
    await session.end(STOPPED);
    expect(calls.hungUp(CALL.id)).toBe('The call is not known, or over.');
  });

  it('is rejected when there is no room for it, and not for an error that a retry may heal', async () => {
    const full = setUp(() => {
      throw new RunnerError('AT_CAPACITY', 'full');
    });
    expect(await full.calls.ring(CALL)).toBe('The call was rejected: full');
    expect(full.acts).toEqual(['reject']);
    const broken = setUp(() => {
      throw new RunnerError('PROVIDER_TIMEOUT', 'late');
    });
    await expect(broken.calls.ring(CALL)).rejects.toThrow('late');
    expect(broken.acts).toEqual([]);
  });
});
