import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CallData } from '../../bot/call-data.js';
import { SessionEnd } from '../../bot/session-end.js';
import type { CallRouting } from '../../calls/call-routing.js';
import { LocalFleet } from '../../fleet/local-fleet.js';
import type { ResolvedRunnerOptions } from '../../runner.options.js';
import type { SessionRegistry } from '../../sessions/session-registry.js';
import { Session } from '../../sessions/session.js';
import type { StartContext } from '../runner-transport.js';
import type { TransportRegistry } from '../transport-registry.js';
import type { LiveKitServer } from './livekit-server.js';
import { type LiveKitOptions, resolveLiveKitOptions } from './livekit.options.js';
import { LiveKitTransport } from './livekit.transport.js';

const TTL_MS = 60_000;

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] }));
afterEach(() => void jest.useRealTimers());

function setUp(options: LiveKitOptions = {}) {
  const deleteRoom = jest.fn(async (_name: string) => undefined);
  const server = {
    url: 'ws://x',
    createRoom: async () => undefined,
    userToken: async () => 'token',
    agentToken: async () => 'token',
    deleteRoom,
  };
  let decide!: () => void;
  const route = jest.fn(() => new Promise((resolve) => (decide = () => resolve({}))));
  const started: Session[] = [];
  const newSession = (): Session => {
    const id = `0000000${started.length}`;
    const session = new Session(id, { transport: 'livekit' }, () => undefined);
    started.push(session);
    return session;
  };
  const sessions = {
    start: (_: unknown, begin: (session: Session) => Promise<void>) => begin(newSession()),
    launch(session: Session) {
      session.connect();
      return true;
    },
  };
  const transport = new LiveKitTransport(
    resolveLiveKitOptions(options),
    { pendingTtlMs: TTL_MS } as ResolvedRunnerOptions,
    server as unknown as LiveKitServer,
    sessions as unknown as SessionRegistry,
    { route } as unknown as CallRouting,
    new LocalFleet(),
    { register: () => undefined } as unknown as TransportRegistry,
  );
  const start = async (): Promise<Session> => {
    const session = newSession();
    await transport.start({ session } as StartContext);
    return session;
  };
  return { transport, deleteRoom, route, started, start, decide: () => decide() };
}

const STOPPED = new SessionEnd('stopped', 'enough');
const userOf = ({ id }: Session): string => `User-${id}`;

describe('the user of a LiveKit room', () => {
  it('is waited for, whoever else comes', async () => {
    const { transport, start } = setUp({ roomName: 'shared' });
    const [one, other] = [await start(), await start()];
    transport.roomStarted('shared');
    transport.joined('shared', userOf(one), true);
    transport.joined('shared', 'Pipecat Agent', false);
    jest.advanceTimersByTime(TTL_MS);
    expect([one.ending, other.ending?.code]).toEqual([undefined, 'expired']);
    await one.end(STOPPED);
  });

  it('is waited for no more when the session has ended', async () => {
    const { transport, start } = setUp({ roomName: 'shared' });
    const session = await start();
    transport.roomStarted('shared');
    transport.roomStarted('shared');
    expect(jest.getTimerCount()).toBe(1);
    await session.end(STOPPED);
    expect(jest.getTimerCount()).toBe(0);
    transport.roomStarted('shared');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is waited for by a thousand guests at most, whom the runner remembers', async () => {
    const { transport, start } = setUp({ roomName: 'shared' });
    const session = await start();
    for (let i = 0; i < 1_001; i++) transport.joined('shared', `guest-${i}`, true);
    transport.left('shared', userOf(session));
    for (let i = 0; i < 999; i++) transport.left('shared', `guest-${i}`);
    expect(session.ending).toBeUndefined();
    transport.left('shared', 'guest-999');
    expect(session.ending?.code).toBe('peer_left');
  });

  it('ends its own session when it leaves, and the end of the room all of them', async () => {
    const { transport, start } = setUp({ roomName: 'shared' });
    const all = [await start(), await start(), await start()];
    transport.left('shared', userOf(all[1]!));
    expect(all.map(({ ending }) => ending?.code)).toEqual([undefined, 'peer_left', undefined]);
    transport.end('shared', 'over');
    expect(all.map(({ ending }) => ending?.message)).toEqual([
      'over',
      'The user left the LiveKit room.',
      'over',
    ]);
  });
});

describe('a LiveKit room', () => {
  it.each<[string, LiveKitOptions, number]>([
    ['is closed with its session', { deleteRoomOnEnd: true }, 1],
    ['stays where the server closes it', {}, 0],
    ['stays where it is shared', { deleteRoomOnEnd: true, roomName: 'shared' }, 0],
  ])('%s', async (_, options, deletions) => {
    const { deleteRoom, start } = setUp(options);
    await (await start()).end(STOPPED);
    expect(deleteRoom).toHaveBeenCalledTimes(deletions);
  });
});

describe('a phone call in a LiveKit room', () => {
  const call = (transport: LiveKitTransport) =>
    transport.startForCall('room', 'sip', new CallData());

  it('is given one bot, however often it is reported', async () => {
    const { transport, route, started, decide } = setUp();
    const [first] = [call(transport), await call(transport)];
    decide();
    await first;
    await call(transport);
    expect([route.mock.calls.length, started.length]).toEqual([1, 1]);
    await started[0]!.end(STOPPED);
  });

  it('is given none when the caller leaves before the decision, and one when it comes back', async () => {
    const { transport, route, started, decide } = setUp();
    const first = call(transport);
    transport.left('room', 'sip');
    decide();
    await first;
    expect(started).toHaveLength(0);
    const again = call(transport);
    decide();
    await again;
    expect([route.mock.calls.length, started.length]).toEqual([2, 1]);
    await started[0]!.end(STOPPED);
  });
});
