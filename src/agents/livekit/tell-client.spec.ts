import { EventEmitter } from 'node:events';
import { expect, it, jest } from '@jest/globals';
import type { RtviSession } from '../../rtvi/rtvi-session.js';
import type { Engine } from './engine.js';
import { tellClient } from './tell-client.js';

it('a text of a client that the agent cannot take now is logged, and ends nothing', () => {
  const rtvi = new EventEmitter();
  const generateReply = () => {
    throw new Error('AgentSession is not running');
  };
  const engine = Object.assign(new EventEmitter(), { generateReply, interrupt: jest.fn() });
  const warn = jest.fn<(message: string) => void>();
  tellClient(engine as unknown as Engine<never>, rtvi as unknown as RtviSession, warn);
  rtvi.emit('send-text', { content: 'Hello', options: { run_immediately: true } });
  expect(warn.mock.calls).toEqual([['the agent took no text: Error: AgentSession is not running']]);
});
