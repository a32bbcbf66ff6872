import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { PublicUrls } from '../../http/public-url.js';
import { CallDocuments } from './call-documents.js';
import { resolveTelephonyOptions } from './telephony.options.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const idOf = (url: string): string => url.split('/').at(-1)!;

function setUp(): CallDocuments {
  const base = { httpUrl: (path: string) => `https://runner.example${path}` };
  const urls = { known: () => base } as unknown as PublicUrls;
  return new CallDocuments(resolveTelephonyOptions({}), 'calls', urls);
}

describe('the documents of calls', () => {
  it('are found at their URL for a quarter of an hour', () => {
    const documents = setUp();
    const url = documents.urlOf('<one/>');
    expect(url).toMatch(/^https:\/\/runner\.example\/calls\/documents\/[\w-]{22}$/);
    jest.advanceTimersByTime(899_999);
    expect(documents.get(idOf(url))).toBe('<one/>');
    jest.advanceTimersByTime(1);
    expect(documents.get(idOf(url))).toBeUndefined();
  });

  it('are ten thousand at most, without the oldest', () => {
    const documents = setUp();
    const ids = Array.from({ length: 10_001 }, (_, i) => idOf(documents.urlOf(`<n${i}/>`)));
    const kept = ids.filter((id) => documents.get(id) !== undefined);
    expect(kept.length).toBeLessThanOrEqual(10_000);
    expect(documents.get(ids[0]!)).toBeUndefined();
    expect(documents.get(ids.at(-1)!)).toBe('<n10000/>');
  });
});
