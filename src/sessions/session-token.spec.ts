import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { resolveRunnerOptions } from '../runner.options.js';
import { Session } from './session.js';
import { SessionTokens } from './session-token.js';

const session = new Session('3f6c', { transport: 'websocket' }, () => undefined);
const tokensWith = (tokenSecret?: string) =>
  new SessionTokens(resolveRunnerOptions({ tokenSecret }));

afterEach(() => void jest.useRealTimers());

describe('SessionTokens', () => {
  it('name the session they were issued for, in the documented format', () => {
    const tokens = tokensWith();
    const token = tokens.issue(session);
    expect(token).toMatch(/^[\w-]+\.[0-9a-f]{64}$/);
    const payload = JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()) as object;
    expect(payload).toEqual({ exp: expect.any(Number), jti: expect.any(String), sid: '3f6c' });
    expect(tokens.sessionIdOf(token)).toBe('3f6c');
    expect(tokens.issue(session)).not.toBe(token);
  });

  it('expire', () => {
    jest.useFakeTimers({ now: 1_000_000 });
    const tokens = tokensWith();
    const token = tokens.issue(session);
    jest.setSystemTime(1_299_000);
    expect(tokens.sessionIdOf(token)).toBe('3f6c');
    jest.setSystemTime(1_300_000);
    expect(tokens.sessionIdOf(token)).toBeUndefined();
  });

  it('of one secret hold wherever it is configured; others do not', () => {
    const token = tokensWith('the same secret!').issue(session);
    expect(tokensWith('the same secret!').sessionIdOf(token)).toBe('3f6c');
    expect(tokensWith('another secret!!').sessionIdOf(token)).toBeUndefined();
    expect(tokensWith().sessionIdOf(token)).toBeUndefined();
  });

  it.each(['', '.', 'a', 'a.b', 'a.b.c', '..', `${'a'.repeat(64)}.${'0'.repeat(64)}`, 'é.é'])(
    'are not %j',
    (token) => expect(tokensWith().sessionIdOf(token)).toBeUndefined(),
  );

  it('cannot be altered', () => {
    const tokens = tokensWith();
    const [payload, signature] = tokens.issue(session).split('.') as [string, string];
    const forged = Buffer.from(JSON.stringify({ exp: 1e12, jti: '', sid: 'other' })).toString(
      'base64url',
    );
    expect(tokens.sessionIdOf(`${forged}.${signature}`)).toBeUndefined();
    expect(tokens.sessionIdOf(`${payload}.${signature.toUpperCase()}`)).toBeUndefined();
    expect(tokens.sessionIdOf(`${payload}.${signature}0`)).toBeUndefined();
    expect(tokens.sessionIdOf(`${payload}.${signature}.`)).toBeUndefined();
    expect(tokens.sessionIdOf(`${payload}.${signature}.more`)).toBeUndefined();
  });
});
