import { describe, expect, it, jest } from '@jest/globals';
import {
  DailyRunnerArguments,
  MOQRunnerArguments,
  type RunnerArguments,
  VonageRunnerArguments,
} from '../index.js';
import { MediaUnavailableError } from '../bot/session-end.js';
import { liveSession } from './google/live-session.js';
import { agentSession } from './livekit/agent-session.js';
import { realtimeSession } from './openai/realtime-session.js';

const unused = () => jest.fn<() => never>();

/** Engines, each of which must not be asked for anything. */
const ENGINES = {
  'agentSession()': (args: RunnerArguments) => agentSession(args, {} as never, { agent: {} }),
  'realtimeSession()': (args: RunnerArguments) =>
    realtimeSession(args, unused(), { connect: { apiKey: 'none' } }),
  'liveSession()': (args: RunnerArguments) => liveSession(args, unused()),
};

const VONAGE = { application_id: 'a', vonage_session_id: 's', token: 't' };

describe.each(Object.entries(ENGINES))('%s, where a bot in Node has no media', (_, run) => {
  it.each<[string, RunnerArguments, RegExp]>([
    [
      'a room of Daily',
      new DailyRunnerArguments({ room_url: 'https://x.daily.co/room' }),
      /^Daily has no SDK for Node on servers.*bot in Python/,
    ],
    [
      "a session of Vonage's Video API",
      new VonageRunnerArguments(VONAGE),
      /^Vonage has no SDK for Node.*bot in Python/,
    ],
    [
      'Media over QUIC',
      new MOQRunnerArguments({ path: 'x' }),
      /^Node has no Media over QUIC.*bot in Python/,
    ],
  ])('says for %s that the bot has to be in Python', async (_where, args, message) => {
    const failed: unknown = await run(args).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(MediaUnavailableError);
    expect((failed as Error).message).toMatch(message);
  });
});
