import { describe, expect, it } from '@jest/globals';
import { isOriginAllowed } from './allowed-origins.js';

describe('isOriginAllowed', () => {
  it.each([
    [undefined, [], true],
    ['https://any.example', [], true],
    [undefined, ['https://a.example'], false],
    ['https://A.example', ['https://a.EXAMPLE'], true],
    ['https://a.example.evil', ['https://a.example'], false],
    ['http://a.example', ['https://a.example'], false],
    ['null', ['https://a.example'], false],
  ])('%j with %j: %j', (origin, allowed, verdict) => {
    expect(isOriginAllowed(origin, allowed)).toBe(verdict);
  });
});
