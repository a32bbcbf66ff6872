import { beforeEach, describe, expect, it } from '@jest/globals';
import { RtviClient } from '../../../test/support/rtvi-client.js';
import { SpokenAnswers } from './spoken-answers.js';

const RATE_HZ = 8_000;
const audio = (ms: number) => new Int16Array((ms * RATE_HZ) / 1_000);

let client: RtviClient;
let told: unknown[];
let answers: SpokenAnswers;
let failure: Error | undefined;
beforeEach(() => {
  client = new RtviClient();
  told = [];
  failure = undefined;
  answers = new SpokenAnswers(client.transport, {
    started: () => told.push('started'),
    text: (part) => told.push(['text', part]),
    finished: (text, isInterrupted) => {
      if (failure) throw failure;
      told.push(['finished', text, isInterrupted]);
    },
    stopped: () => told.push('stopped'),
  });
});

/** Confirms all marks that the transport has sent. */
function play(): void {
  for (const one of client.connection.sent) {
    const [kind, id] = one as [string, string];
    if (kind === 'mark') client.connection.events.markPlayed(id);
  }
}

describe('answers of a model', () => {
  it('are told from their first audio until the last was played', async () => {
    answers.addText('a', 'Hello.');
    answers.addAudio('a', audio(20), RATE_HZ);
    answers.addAudio('b', audio(20), RATE_HZ);
    answers.end('a');
    answers.end('b');
    play();
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual([
      ['text', 'Hello.'],
      'started',
      ['finished', 'Hello.', false],
      ['finished', '', false],
      'stopped',
    ]);
    expect(answers.interrupt()).toEqual([]);
  });

  it('are all interrupted, also those that wait and those without audio', () => {
    answers.addAudio('a', audio(2_000), RATE_HZ);
    answers.addAudio('b', audio(1_000), RATE_HZ);
    answers.addText('c', 'Never heard.');
    const [a, b, c] = answers.interrupt();
    expect(a).toMatchObject({ itemId: 'a' });
    expect(a!.heardMs).toBeLessThan(500);
    expect(b).toEqual({ itemId: 'b', heardMs: 0, text: '' });
    expect(c).toEqual({ itemId: 'c', heardMs: undefined, text: '' });
    expect(told.at(-1)).toBe('stopped');
    expect(client.connection.sent).toContain('clear');
  });

  it('that are over leave other audio of the bot alone', () => {
    expect(answers.interrupt()).toEqual([]);
    expect(client.connection.sent).not.toContain('clear');
  });

  it('are ended where they are when the model is gone', () => {
    answers.addText('a', 'Hello');
    answers.addAudio('a', audio(20), RATE_HZ);
    expect(answers.endAll()).toMatchObject([{ itemId: 'a', text: 'Hello' }]);
    expect(answers.endAll()).toEqual([]);
  });

  it('are finished with what was heard when the bot itself clears the transport', async () => {
    answers.addText('a', 'One two three four.');
    answers.addAudio('a', audio(2_000), RATE_HZ);
    answers.end('a');
    client.transport.clear();
    await new Promise((resolve) => setImmediate(resolve));
    expect(told.slice(2)).toEqual([['finished', '', true], 'stopped']);
  });

  it('that waited are finished with nothing when the bot itself clears the transport', async () => {
    answers.addAudio('a', audio(500), RATE_HZ);
    answers.addText('b', 'Five six seven eight.');
    answers.addAudio('b', audio(2_000), RATE_HZ);
    answers.end('a');
    answers.end('b');
    client.transport.clear();
    await new Promise((resolve) => setImmediate(resolve));
    expect(told.slice(2)).toEqual([['finished', '', true], ['finished', '', true], 'stopped']);
  });

  it('whose end cannot be told fail their own session', async () => {
    failure = new Error('not told');
    answers.addAudio('a', audio(20), RATE_HZ);
    answers.end('a');
    play();
    await new Promise((resolve) => setImmediate(resolve));
    expect(client.failures).toEqual([failure]);
  });
});
