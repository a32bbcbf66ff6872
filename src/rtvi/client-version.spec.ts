import { beforeEach, describe, expect, it } from '@jest/globals';
import { type RtviClient, rtviPair } from '../../test/support/rtvi-client.js';
import type { RtviSession } from './rtvi-session.js';

let client: RtviClient;
let rtvi: RtviSession;
beforeEach(async () => void ({ client, rtvi } = await rtviPair()));

/** Messages that a client of a version gets after `bot-ready`. */
function received(version: string) {
  client.ready(version);
  return client.received.filter(({ type }) => !['bot-ready', 'error-response'].includes(type));
}

describe('a client of RTVI', () => {
  const transcription = {
    text: 'Hi',
    user_id: 'u',
    timestamp: '2026-01-01T00:00:00Z',
    final: true,
  };

  it.each([
    ['2.2.0', 3],
    ['2.10.0', 3],
    ['3.0.0', 3],
    ['2.1.9', 0],
    ['2.0.0', 0],
    ['1.4.0', 0],
    ['new', 0],
  ])('%s gets %d kinds of raw text', (version, count) => {
    rtvi.send('stt-raw-text', transcription);
    rtvi.send('llm-raw-text', { text: 'Hi' });
    rtvi.send('tts-raw-text', { text: 'Hi' });
    expect(received(version)).toHaveLength(count);
  });

  it.each(['2.2.0', '2.0.0', '1.4.0'])('%s gets what the user said', (version) => {
    const input = { ...transcription, input_type: 'transcription' } as const;
    rtvi.send('user-input', input);
    expect(received(version)).toEqual([{ type: 'user-input', data: input }]);
  });

  it.each([
    ['2.2.0', 1],
    ['2.1.0', 0],
    ['1.4.0', 0],
  ])('%s gets %d backchannels', (version, count) => {
    rtvi.send('bot-output', { text: 'mhm', output_type: 'backchannel', will_be_spoken: true });
    expect(received(version)).toHaveLength(count);
  });

  it.each(['2.2.0', '2.0.0'])('%s gets the form of a text under both of its names', (version) => {
    rtvi.send('bot-output', { text: 'Hi', output_type: 'sentence', segment_id: 1 });
    rtvi.send('bot-output', { text: 'Hi', aggregated_by: 'sentence', segment_id: 1 });
    const data = { text: 'Hi', segment_id: 1, output_type: 'sentence', aggregated_by: 'sentence' };
    expect(received(version)).toEqual(Array(2).fill({ type: 'bot-output', data }));
  });

  it('1.4.0 gets the form of a text under its old name', () => {
    rtvi.send('bot-output', { text: 'Hi', output_type: 'sentence' });
    expect(received('1.4.0')).toEqual([
      { type: 'bot-output', data: { text: 'Hi', aggregated_by: 'sentence', spoken: false } },
    ]);
  });

  const call = { function_name: 'f', tool_call_id: '7' };
  it.each([
    ['2.2.0', 'llm-function-call-in-progress', { ...call, arguments: { a: 1 } }],
    ['2.1.0', 'llm-function-call-in-progress', { ...call, arguments: { a: 1 } }],
    ['2.0.0', 'llm-function-call', { ...call, args: { a: 1 } }],
    ['1.2.0', 'llm-function-call', { ...call, args: { a: 1 } }],
  ])('%s gets function calls as %s', (version, type, data) => {
    rtvi.send('llm-function-call', { ...call, args: { a: 1 } });
    expect(received(version)).toEqual([{ type, data }]);
  });
});
