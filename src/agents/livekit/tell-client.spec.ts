import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { RtviSession } from '../../rtvi/rtvi-session.js';
import type { Engine } from './engine.js';
import { tellClient } from './tell-client.js';

/** Replies of the engine that have not ended, with what ends each. */
let replies: { readonly text: string; readonly end: () => void }[];
let generateReply: (options: { userInput: string }) => unknown;
let interrupt: jest.Mock;
let warn: jest.Mock<(message: string) => void>;
let refused: [id: string, error: string][];
let type: (content: string, id?: string, run_immediately?: boolean) => void;

beforeEach(() => {
  replies = [];
  refused = [];
  interrupt = jest.fn();
  warn = jest.fn();
  generateReply = ({ userInput: text }) =>
    new Promise<void>((end) => void replies.push({ text, end }));
  const rtvi = Object.assign(new EventEmitter(), {
    refuse: (...refusal: [string, string]) => void refused.push(refusal),
  });
  const engine = Object.assign(new EventEmitter(), {
    generateReply: (options: { userInput: string }) => generateReply(options),
    interrupt,
  });
  tellClient(engine as unknown as Engine<never>, rtvi as unknown as RtviSession, warn);
  type = (content, id = content, run_immediately = false) =>
    void rtvi.emit('send-text', { content, options: { run_immediately } }, id);
});

it('a text of a client that the agent cannot take now is logged, and ends nothing', () => {
  generateReply = () => {
    throw new Error('AgentSession is not running');
  };
  type('Hello', '1', true);
  expect(warn.mock.calls).toEqual([['the agent took no text: Error: AgentSession is not running']]);
  // A client writes no line into the log for each of its texts, and none of them waits.
  for (let i = 0; i < 5_000; i++) type('Hello');
  expect(warn).toHaveBeenCalledTimes(1);
  expect(refused).toEqual([]);
});

describe('texts of a client', () => {
  const TOO_MANY = 'Too many texts wait for their answer.';
  const turn = () => new Promise(setImmediate);

  it('are refused while nine wait for their answer', async () => {
    for (let i = 0; i < 5_000; i++) type(`${i}`);
    expect(replies.map(({ text }) => text)).toEqual(Array.from({ length: 9 }, (_, i) => `${i}`));
    expect(refused).toHaveLength(4_991);
    expect(refused[0]).toEqual(['9', TOO_MANY]);
    replies[0]!.end();
    await turn();
    type('next');
    type('one more');
    expect(replies.at(-1)!.text).toBe('next');
    expect(refused.at(-1)).toEqual(['one more', TOO_MANY]);
  });

  it('are refused while 100 kB wait for their answer, but for the first', async () => {
    const long = 'é'.repeat(400_000);
    type(long, 'first');
    type('short');
    expect(refused).toEqual([['short', TOO_MANY]]);
    replies[0]!.end();
    await turn();
    type('é'.repeat(30_000), 'half');
    type('é'.repeat(30_000), 'half again');
    expect(replies).toHaveLength(2);
    expect(refused.at(-1)).toEqual(['half again', TOO_MANY]);
  });

  it('that interrupt are taken whatever waits, which they end', async () => {
    for (let i = 0; i < 10; i++) type(`${i}`);
    type('Stop', 'stop', true);
    expect(interrupt.mock.calls).toEqual([[{ force: true }]]);
    expect(replies.at(-1)!.text).toBe('Stop');
    for (const { end } of replies.slice(0, 9)) end();
    await turn();
    for (let i = 0; i < 10; i++) type(`${i}`);
    expect(replies).toHaveLength(18);
  });

  it('that interrupt are refused while those that were interrupted do not end', () => {
    for (let i = 0; i < 5_000; i++) type(`${i}`, `${i}`, true);
    expect(replies).toHaveLength(10);
    expect(interrupt).toHaveBeenCalledTimes(10);
    expect(refused).toHaveLength(4_990);
  });
});
