import { describe, expect, it } from '@jest/globals';
import { parseForm } from './form.js';

describe('parseForm', () => {
  it.each([
    '',
    'a',
    'a=1&b=2&a=3',
    '&&a&&',
    '=&==&a==b',
    'a+b=+c+&%2B=%2b',
    '%C3%A9=%e2%98%8e',
    '%=%2&%zz=%e9&é=☎',
    '__proto__=1&constructor=2',
    '\ufeffa=%EF%BB%BFb',
  ])("reads '%s' as URLSearchParams does", (form) => {
    expect(parseForm(form)).toEqual([...new URLSearchParams(form)]);
  });

  it('keeps a question mark at the beginning, which is none of a query here', () => {
    expect(parseForm('?a=1')).toEqual([['?a', '1']]);
  });

  it('takes as many fields as a form may have, and refuses one more before it reads them', () => {
    const fields = Array.from({ length: 1_000 }, (_, i) => [`f${i}`, 'x'] as [string, string]);
    const form = new URLSearchParams(fields).toString();
    expect(parseForm(form)).toEqual(fields);
    expect(() => parseForm(`${form}&`)).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE', message: expect.stringContaining('1000') }),
    );
  });
});
