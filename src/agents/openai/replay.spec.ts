import { describe, expect, it } from '@jest/globals';
import { replayOf } from './replay.js';

const message = (itemId: string, role: string, content: object[]) => ({
  itemId,
  type: 'message',
  role,
  content,
});

describe('the history for another connection to the model', () => {
  it('has messages as text, under the same ids', () => {
    const history = [
      message('1', 'system', [{ type: 'input_text', text: 'Be brief.' }]),
      message('2', 'user', [{ type: 'input_audio', transcript: 'Hello?' }]),
      message('3', 'assistant', [
        { type: 'output_audio', transcript: 'Good ' },
        { type: 'output_text', text: 'day.' },
      ]),
    ];
    const item = (id: string, role: string, type: string, text: string) => ({
      id,
      type: 'message',
      role,
      content: [{ type, text }],
    });
    expect(replayOf(history, new Map())).toEqual([
      item('1', 'system', 'input_text', 'Be brief.'),
      item('2', 'user', 'input_text', 'Hello?'),
      item('3', 'assistant', 'output_text', 'Good day.'),
    ]);
  });

  it('has calls of tools, with the outputs that are there', () => {
    const call = (itemId: string, output: string | null) => ({
      itemId,
      type: 'function_call',
      name: 'order_status',
      arguments: '{}',
      output,
    });
    const callIds = new Map([
      ['1', 'call_1'],
      ['2', 'call_2'],
    ]);
    const made = { type: 'function_call', name: 'order_status', arguments: '{}' };
    expect(replayOf([call('1', 'sent'), call('2', null), call('3', 'unknown')], callIds)).toEqual([
      { ...made, id: '1', call_id: 'call_1' },
      { type: 'function_call_output', call_id: 'call_1', output: 'sent' },
      { ...made, id: '2', call_id: 'call_2' },
    ]);
  });

  it('leaves out what has no text, and what it does not know', () => {
    const history = [
      message('1', 'user', [{ type: 'input_audio', transcript: null }]),
      message('2', 'assistant', []),
      { itemId: '3', type: 'mcp_call', name: 'x', arguments: '{}', output: 'y' },
      {},
    ];
    expect(replayOf(history, new Map())).toEqual([]);
  });
});
