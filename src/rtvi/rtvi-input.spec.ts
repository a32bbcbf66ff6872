import { beforeEach, describe, expect, it } from '@jest/globals';
import { type RtviClient, rtviPair, tick } from '../../test/support/rtvi-client.js';
import { bytesFromPcm } from '../media/pcm.js';
import type { RtviEvents, RtviSession } from './rtvi-session.js';

let client: RtviClient;
let rtvi: RtviSession;
beforeEach(async () => void ({ client, rtvi } = await rtviPair()));

/** Sends a message, and returns what a listener of its type gets. */
function emitted(type: keyof RtviEvents, data: unknown): unknown[] {
  const all: unknown[] = [];
  rtvi.on(type, (...args: unknown[]) => all.push(args));
  client.send(type, data, 'x1');
  return all;
}

const node = (children: unknown[] = []) => ({ ref: 'e1', role: 'main', children, extra: 1 });
const tree = { root: node([node()]), captured_at: 1_700_000_000_000, more: true };

describe('a message of the client', () => {
  it.each<[keyof RtviEvents, object, object?]>([
    ['ui-event', { event: 'click', payload: { toString: 1 } }],
    ['ui-event', { event: 'click' }],
    ['ui-snapshot', { tree }],
    [
      'ui-snapshot',
      { tree: { ...tree, selection: { ref: 'e1', text: 'a', start_offset: 1, end_offset: null } } },
    ],
    ['ui-cancel-job-group', { job_id: 'j', reason: 'bored' }],
    [
      'llm-function-call-result',
      { function_name: 'f', tool_call_id: '7', arguments: {}, result: { a: null } },
    ],
    [
      'send-file',
      {
        content: 'What is it?',
        file: {
          format: 'image/png',
          source: { type: 'bytes', bytes: 'AAEC', width: 1, height: 2 },
        },
        options: { run_immediately: false, custom_options: { detail: 'low' } },
      },
      {
        options: {
          run_immediately: false,
          audio_response: true,
          custom_options: { detail: 'low' },
        },
      },
    ],
    [
      'send-file',
      {
        content: '',
        file: { format: 'text/plain', name: 'a', source: { type: 'url', url: 'pipecat:00' } },
      },
      { options: { run_immediately: true, audio_response: true } },
    ],
  ])('is emitted: %s %j', (type, data, defaults = {}) => {
    const [message, id] = emitted(type, data)[0] as [object, string];
    expect(JSON.parse(JSON.stringify(message))).toEqual({
      ...(JSON.parse(JSON.stringify(data)) as object),
      ...defaults,
    });
    expect(id).toBe('x1');
    expect(client.received).toEqual([]);
  });

  it.each(['AAEC', 'data:image/png;base64,AAEC'])('has the file %s', (bytes) => {
    let content: Buffer | undefined;
    rtvi.on('send-file', ({ file }) => (content = file.source.content()));
    const source = { type: 'bytes', bytes };
    client.send('send-file', { content: '', file: { format: 'image/png', source } });
    expect(content).toEqual(Buffer.from([0, 1, 2]));
  });

  it.each<[string, unknown, RegExp]>([
    ['ui-event', {}, /event must be a string/],
    ['ui-snapshot', {}, /tree must be an object/],
    ['ui-snapshot', { tree: { ...tree, captured_at: 'now' } }, /tree.captured_at must be/],
    ['ui-snapshot', { tree: { ...tree, root: [] } }, /tree.root must be an object/],
    ['ui-snapshot', { tree: { ...tree, root: node([{ ref: 'e' }]) } }, /a node must have a role/],
    ['ui-snapshot', { tree: { ...tree, root: node([7]) } }, /a node must be an object/],
    ['ui-snapshot', { tree: { ...tree, root: { ...node(), children: {} } } }, /invalid children/],
    ['ui-snapshot', { tree: { ...tree, root: { ...node(), level: 1.5 } } }, /invalid level/],
    ['ui-snapshot', { tree: { ...tree, root: { ...node(), state: [1] } } }, /invalid state/],
    ['ui-snapshot', { tree: { ...tree, selection: {} } }, /tree.selection must have a ref/],
    [
      'ui-snapshot',
      { tree: { ...tree, root: node(Array.from({ length: 10_000 }, () => node())) } },
      /at most 10000 nodes/,
    ],
    ['ui-cancel-job-group', {}, /job_id must be a string/],
    ['llm-function-call-result', { function_name: 'f' }, /tool_call_id must be a string/],
    ['llm-function-call-result', { arguments: [] }, /arguments must be an object/],
    ['send-file', { content: 'a' }, /file must be an object/],
    ['send-file', { content: 'a', file: { format: 'a' } }, /source must be an object/],
    [
      'send-file',
      { content: 'a', file: { format: 'a', source: { type: 'path' } } },
      /type must be 'bytes' or 'url'/,
    ],
    [
      'send-file',
      { content: 'a', file: { format: 'a', source: { type: 'bytes', bytes: 'ä' } } },
      /bytes must be base64/,
    ],
    [
      'send-file',
      { content: 'a', file: { format: 'a', source: { type: 'url' } } },
      /url must be a string/,
    ],
    ['raw-audio', {}, /sampleRate must be one of/],
    ['raw-audio', { base64Audio: '?', sampleRate: 8_000, numChannels: 1 }, /must be base64/],
    ['raw-audio', { sampleRate: 8_000, numChannels: 9 }, /numChannels must be at most 8/],
    [
      'raw-audio-batch',
      { base64AudioBatch: Array(1_001).fill(''), sampleRate: 8_000, numChannels: 1 },
      /at most 1000/,
    ],
  ])('that is malformed is answered with an error-response: %s %.80j', (type, data, message) => {
    const all = emitted(type as keyof RtviEvents, data);
    expect(all).toEqual([]);
    expect(client.received).toEqual([
      { type: 'error-response', id: 'x1', data: { error: expect.stringMatching(message) } },
    ]);
    expect(client.failures).toEqual([]);
  });

  it('with a tree as deep as JSON may be is checked without recursion', () => {
    let root: object = node();
    for (let depth = 0; depth < 9_000; depth++) root = node([root]);
    expect(emitted('ui-snapshot', { tree: { ...tree, root } })).toHaveLength(1);
  });
});

describe('raw audio of the client', () => {
  const base64 = (...samples: number[]) =>
    bytesFromPcm(Int16Array.from(samples)).toString('base64');

  it.each([
    ['raw-audio', { base64Audio: base64(1, 2, 3) }, [[1, 2, 3]]],
    ['raw-audio-batch', { base64AudioBatch: [base64(1), base64(2, 3)] }, [[1], [2, 3]]],
    ['raw-audio', { base64Audio: base64(1, 2) + '', base64AudioBatch: null }, [[1, 2]]],
    ['raw-audio', { base64Audio: 'AQAC' }, [[1]]],
    ['raw-audio', {}, []],
  ])('is audio of the transport: %s %j', async (type, data, frames) => {
    const heard: number[][] = [];
    client.transport.on('audio', ({ pcm }) => heard.push([...pcm]));
    client.send(type, { ...data, sampleRate: 16_000, numChannels: 1 });
    await tick();
    expect(heard).toEqual(frames);
    expect(client.received).toEqual([]);
  });

  it('is downmixed to mono', async () => {
    const heard: number[][] = [];
    client.transport.on('audio', ({ pcm }) => heard.push([...pcm]));
    client.send('raw-audio', {
      base64Audio: base64(2, 4, 6, 8),
      sampleRate: 16_000,
      numChannels: 2,
    });
    await tick();
    expect(heard).toEqual([[3, 7]]);
  });
});
