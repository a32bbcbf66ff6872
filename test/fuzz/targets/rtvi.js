import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { jsonLike } from '../support/mutate.js';
import { botQuery, RawSocket, readAll, sendMessages } from '../support/socket.js';

const message = (type, data, id = '1') => ({ label: 'rtvi-ai', type, id, data });

const NODE = { ref: 'e1', role: 'button', name: 'x', state: ['focused'], level: 1, children: [] };
const TEMPLATES = [
  message('client-ready', { version: '2.2.0', about: { library: 'x', platform: 'y' } }),
  message('client-ready', { version: '1.0.0' }),
  message('client-message', { t: 'ping', d: { a: [1] } }),
  message('send-text', { content: 'x', options: { run_immediately: true, audio_response: false } }),
  message('send-file', {
    content: 'x',
    file: {
      format: 'a/b',
      name: 'c',
      source: { type: 'bytes', bytes: 'AAAA', width: 1, height: 2 },
    },
    options: { custom_options: { detail: 'low' } },
  }),
  message('send-file', {
    content: 'x',
    file: { format: 'a/b', source: { type: 'url', url: 'x:' } },
  }),
  message('ui-event', { event: 'e', payload: { a: 1 } }),
  message('ui-snapshot', {
    tree: {
      root: { ...NODE, children: [NODE, { ...NODE, children: [NODE] }] },
      captured_at: 1,
      selection: { ref: 'e1', text: 'x', start_offset: 0, end_offset: 1 },
    },
  }),
  message('ui-cancel-job-group', { job_id: '1', reason: 'x' }),
  message('llm-function-call-result', {
    function_name: 'f',
    tool_call_id: '1',
    arguments: {},
    result: 'r',
  }),
  message('raw-audio', { base64Audio: 'AAAA', sampleRate: 16_000, numChannels: 1 }),
  message('raw-audio-batch', {
    base64AudioBatch: ['AAAA', 'AAA=', ''],
    sampleRate: 48_000,
    numChannels: 2,
  }),
  message('dtmf', { buttons: ['1', '#'] }),
  message('disconnect-bot'),
  message('error', { error: 'x' }),
];

const framed = (json) => {
  const writer = new BinaryWriter().tag(4, WireType.LengthDelimited).fork();
  return writer.tag(1, WireType.LengthDelimited).string(json.toWellFormed()).join().finish();
};

/** RTVI, to a bot that speaks it. */
export default {
  name: 'rtvi',
  parsers: [
    'rtvi/rtvi-session.js',
    'rtvi/client-version.js',
    'rtvi/a11y-snapshot.js',
    'rtvi/function-calls.js',
    'rtvi/rtvi-messages.js',
    'validation/validate-into.js',
  ],

  async open(world) {
    return {
      input: fc.record({
        isReady: fc.boolean(),
        messages: fc.array(jsonLike(...TEMPLATES), { minLength: 1, maxLength: 12 }),
        times: fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, fc.constantFrom(10, 500)),
      }),
      async send({ isReady, messages, times }) {
        const raw = new RawSocket(world);
        await raw.upgrade(`/ws-client${botQuery('rtvi')}`);
        const once = [...(isReady ? [JSON.stringify(TEMPLATES[0])] : []), ...messages].map(framed);
        const bytes = once.reduce((sum, { length }) => sum + length, 0);
        const most = Math.min(times, Math.max(1, Math.floor(1_000_000 / bytes)));
        await sendMessages(raw, Array.from({ length: most }, () => once).flat());
        await readAll(raw);
        raw.destroy();
      },
      async close() {},
    };
  },
};
