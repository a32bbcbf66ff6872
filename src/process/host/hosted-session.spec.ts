import { once } from 'node:events';
import { expect, it } from '@jest/globals';
import { SessionEnd } from '../../bot/session-end.js';
import type { BotMessage } from '../bot-messages.js';
import type { Channel } from './channel.js';
import { HostedSession } from './hosted-session.js';

it.each([
  ['tells the runner of an end that its bot asked for', 'end', [['stop', 'stopped', 'enough']]],
  ['tells the runner nothing of the end that it has from it', 'endHere', []],
] as const)('a session in a bot process %s', async (_, end, expected) => {
  const sent: BotMessage[] = [];
  const channel = { send: (message: BotMessage) => Promise.resolve(sent.push(message)) };
  const session = new HostedSession(
    { id: 'x', transport: 'twilio', bot: undefined, claims: {} },
    {},
    channel as unknown as Channel,
    undefined,
  );
  session.launch(async () => void (await once(session.signal, 'abort')), {
    maxSessionDurationMs: Infinity,
    readyTimeoutMs: Infinity,
    stopGraceMs: Infinity,
  });
  void session[end](new SessionEnd('stopped', 'enough'));
  await session.ended;
  const stops = sent.flatMap((one) =>
    one.type === 'stop' ? [[one.type, one.code, one.message]] : [],
  );
  expect(stops).toEqual(expected);
});
