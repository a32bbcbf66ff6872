import { describe, expect, it } from '@jest/globals';
import { readMessage } from './read-message.js';

function read(given: unknown) {
  const dropped: string[] = [];
  return { message: readMessage(given, (path) => dropped.push(path)), dropped };
}

/** Cannot be turned into text, as JSON can say. */
const UNPRINTABLE = { toString: 1, valueOf: 1 };

describe('a message of Gemini Live', () => {
  it('is read with the parts that the adapter uses', () => {
    const given = {
      serverContent: {
        modelTurn: { parts: [{ inlineData: { data: 'AAAA', mimeType: 'audio/pcm' } }, {}] },
        interrupted: true,
        generationComplete: false,
        turnComplete: true,
        inputTranscription: { text: 'a', finished: true },
        outputTranscription: { text: 'b' },
      },
      toolCall: { functionCalls: [{ id: '1', name: 'find', args: { order: [7, null] } }] },
      toolCallCancellation: { ids: ['1', '2'] },
      goAway: { timeLeft: '9.5s' },
      sessionResumptionUpdate: { newHandle: 'h', resumable: true },
      voiceActivity: { voiceActivityType: 'ACTIVITY_START' },
    };
    const more = { usageMetadata: { totalTokenCount: 7 }, setupComplete: null };
    expect(read({ ...given, ...more })).toEqual({ message: given, dropped: [] });
  });

  it('has no fields that are null', () => {
    const given = { serverContent: null, toolCall: { functionCalls: null }, goAway: undefined };
    expect(read(given)).toEqual({ message: { toolCall: {} }, dropped: [] });
  });

  it.each<[string, unknown]>([
    ['message', null],
    ['message', 7],
    ['message', []],
    ['message.serverContent', { serverContent: 7 }],
    ['message.serverContent', { serverContent: [] }],
    ['message.toolCall', { toolCall: 'x' }],
    ['message.toolCall.functionCalls', { toolCall: { functionCalls: { length: 1 } } }],
    ['message.toolCallCancellation.ids', { toolCallCancellation: { ids: 'all' } }],
    ['message.goAway.timeLeft', { goAway: { timeLeft: UNPRINTABLE } }],
    ['message.sessionResumptionUpdate', { sessionResumptionUpdate: 'x' }],
    [
      'message.sessionResumptionUpdate.newHandle',
      { sessionResumptionUpdate: { newHandle: { a: 1 }, resumable: true } },
    ],
    [
      'message.sessionResumptionUpdate.resumable',
      { sessionResumptionUpdate: { newHandle: 'h', resumable: 'x' } },
    ],
    ['message.voiceActivity.voiceActivityType', { voiceActivity: { voiceActivityType: {} } }],
  ])('is empty without its malformed %s: %j', (path, given) => {
    expect(read(given)).toEqual({ message: {}, dropped: [path] });
  });

  it.each<[string, object]>([
    ['.modelTurn', { modelTurn: 'x' }],
    ['.modelTurn.parts', { modelTurn: { parts: 7 } }],
    ['.interrupted', { interrupted: 'x' }],
    ['.generationComplete', { generationComplete: 1 }],
    ['.turnComplete', { turnComplete: {} }],
    ['.inputTranscription.text', { inputTranscription: { text: UNPRINTABLE, finished: true } }],
    ['.inputTranscription.finished', { inputTranscription: { text: 'a', finished: 'x' } }],
    ['.outputTranscription.text', { outputTranscription: { text: 7 } }],
  ])('has the rest of its content without a malformed %s', (path, malformed) => {
    const rest = { outputTranscription: { text: 'b' } };
    const given = { serverContent: { ...rest, ...malformed } };
    const { message, dropped } = read(given);
    expect(dropped).toEqual([`message.serverContent${path}`]);
    expect(message.serverContent).toEqual('outputTranscription' in malformed ? {} : rest);
  });

  it.each([
    null,
    [],
    'find',
    { name: UNPRINTABLE, id: {} },
    { name: 'find', id: 7 },
    { name: 'find', args: [] },
    { name: 'find', args: 'x' },
  ])('has its other calls without the malformed %j', (malformed) => {
    const call = { id: '1', name: 'find', args: {} };
    const { message, dropped } = read({ toolCall: { functionCalls: [malformed, call] } });
    expect(message).toEqual({ toolCall: { functionCalls: [call] } });
    expect(dropped).toHaveLength(1);
  });

  it.each([
    null,
    7,
    { inlineData: [] },
    { inlineData: { data: 7 } },
    { inlineData: { data: 'AAAA', mimeType: 5 } },
  ])('has its other audio without the malformed %j', (malformed) => {
    const part = { inlineData: { data: 'AAAA' } };
    const { message, dropped } = read({
      serverContent: { modelTurn: { parts: [malformed, part] } },
    });
    expect(message).toEqual({ serverContent: { modelTurn: { parts: [part] } } });
    expect(dropped).toHaveLength(1);
  });

  it('keeps of a list of ids those that are ids', () => {
    const { message, dropped } = read({ toolCallCancellation: { ids: ['1', 2, null, '3'] } });
    expect(message.toolCallCancellation?.ids).toEqual(['1', '3']);
    expect(dropped).toHaveLength(2);
  });
});
