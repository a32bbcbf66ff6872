import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LocalFleet } from '../../fleet/local-fleet.js';
import type { PublicUrls } from '../../http/public-url.js';
import { CallDocuments } from './call-documents.js';
import { resolveTelephonyOptions } from './telephony.options.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const idOf = (url: string): string => url.split('/').at(-1)!;

function setUp(): CallDocuments {
  const base = { httpUrl: (path: string) => `https://runner.example${path}` };
  const urls = { known: () => base } as unknown as PublicUrls;
  return new CallDocuments(resolveTelephonyOptions({}), 'calls', urls, new LocalFleet());
}

describe('the documents of calls', () => {
  it('are found at their URL for ten minutes', async () => {
    const documents = setUp();
    const url = documents.urlOf('<one/>');
    expect(url).toMatch(/^https:\/\/runner\.example\/calls\/documents\/[\w-]{22}$/);
    jest.advanceTimersByTime(599_999);
    expect(await documents.get(idOf(url))).toBe('<one/>');
    jest.advanceTimersByTime(1);
    await expect(documents.get(idOf(url))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(documents.get('guess')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('are ten thousand at most, without the oldest', async () => {
    const documents = setUp();
    const ids = Array.from({ length: 10_001 }, (_, i) => idOf(documents.urlOf(`<n${i}/>`)));
    expect(await documents.get(ids.at(-1)!)).toBe('<n10000/>');
    await expect(documents.get(ids[0]!)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    // A guess pushes nothing out.
    expect(await documents.get(ids[1]!)).toBe('<n1/>');
  });
});
