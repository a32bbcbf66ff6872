import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { EndOutbox } from './end-outbox.js';
import type { DirectoryEnd, EndOutcome } from './session-directory.js';

const endOf = (id: string): DirectoryEnd => ({ id, code: 'completed', nonce: id });

describe('the outbox of ends', () => {
  let errors: string[];

  beforeEach(() => {
    errors = [];
    jest
      .spyOn(Logger.prototype, 'error')
      .mockImplementation((text: string) => void errors.push(text));
  });
  afterEach(() => void jest.restoreAllMocks());

  it('tells each outcome once, and survives whoever is told', async () => {
    const end = jest.fn(async (): Promise<EndOutcome> => 'ended');
    const outbox = new EndOutbox({ end });
    const told: string[] = [];
    for (const id of ['1', '2', '3']) {
      outbox.add(endOf(id), (outcome) => {
        told.push(`${id} ${outcome}`);
        throw new Error('it is broken');
      });
    }
    await outbox.flushed();
    expect(told).toEqual(['1 ended', '2 ended', '3 ended']);
    expect([outbox.size, end.mock.calls.length, errors.length]).toEqual([0, 3, 3]);
  });

  it('repeats an end until it is answered, with the same nonce', async () => {
    const seen: DirectoryEnd[] = [];
    const outbox = new EndOutbox({
      end: async (end) => {
        if (seen.push(end) < 3) throw new Error('no answer');
        return 'gone';
      },
    });
    outbox.add(endOf('1'));
    await outbox.flushed();
    expect(seen).toEqual([endOf('1'), endOf('1'), endOf('1')]);
  });

  it('sends one before all others, and repeats it like them when there is no answer', async () => {
    const sent: string[] = [];
    let answers = false;
    const outbox = new EndOutbox({
      end: async ({ id }) => {
        sent.push(id);
        if (!answers) throw new Error('no answer');
        return 'fenced';
      },
    });
    for (let at = 0; at < 60; at++) outbox.add(endOf(`${at}`));
    expect(await outbox.first(endOf('first'))).toBeUndefined();
    expect([sent[0], outbox.has('first')]).toEqual(['first', true]);
    answers = true;
    expect(await outbox.first(endOf('second'))).toBe('fenced');
    expect(outbox.has('second')).toBe(false);
    await outbox.flushed();
    expect([outbox.size, sent.filter((id) => id === 'first').length]).toEqual([0, 2]);
  });

  it('keeps ten thousand, drops the oldest and says so', async () => {
    const outbox = new EndOutbox({ end: () => Promise.reject(new Error('no answer')) });
    for (let at = 0; at < 10_002; at++) outbox.add(endOf(`${at}`));
    expect(outbox.size).toBe(10_000);
    expect(errors).toEqual([
      'too many ends wait for Redis; that of session 0 is dropped',
      'too many ends wait for Redis; that of session 1 is dropped',
    ]);
    outbox.stop();
    await outbox.flushed();
  });
});
