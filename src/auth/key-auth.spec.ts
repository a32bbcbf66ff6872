import { createHash } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { HttpRequest } from '../http/http-request.js';
import { RunnerServing } from '../http/runner-serving.js';
import { resolveRunnerOptions, type RunnerOptions } from '../runner.options.js';
import { KeyAuth } from './key-auth.js';
import type { Principal } from './runner-auth.js';

const PUBLIC = 'pk_0123456789abcdef';
const OLD_PUBLIC = 'pk_of-last-year-0000';
const PRIVATE = 'sk_0123456789abcdef';

const sha256 = (key: string) => `sha256:${createHash('sha256').update(key).digest('hex')}`;

function auth(options: RunnerOptions): (header?: string, access?: string) => Principal | undefined {
  const keys = new KeyAuth(resolveRunnerOptions(options));
  return (authorization, access = 'start') =>
    keys.authorize({
      access: access as 'start',
      request: { headers: { authorization } } as HttpRequest,
      sessionId: undefined,
    });
}

describe('KeyAuth', () => {
  it.each([
    [`Bearer ${PUBLIC}`, true],
    [`bearer ${OLD_PUBLIC} `, true],
    [`Bearer x, Bearer ${PRIVATE}`, true],
    [PUBLIC, true],
    [`Basic ${PUBLIC}`, true],
    ['Bearer of-the-carrier', false],
    ['Bearer', false],
    ['', false],
    [`Bearer ${' '.repeat(10_000)}`, false],
  ])('knows its keys in an Authorization header: %s', (authorization, isCredential) => {
    const keys = new KeyAuth(
      resolveRunnerOptions({ publicKeys: [PUBLIC, sha256(OLD_PUBLIC)], privateKeys: [PRIVATE] }),
    );
    expect(keys.isCredential(authorization)).toBe(isCredential);
  });

  it('has no keys to keep from bots where everything is open', () => {
    jest.spyOn(Logger.prototype, 'warn').mockReturnValue();
    expect(new KeyAuth(resolveRunnerOptions({})).isCredential(`Bearer ${PUBLIC}`)).toBe(false);
    jest.restoreAllMocks();
  });

  const authorize = auth({
    publicKeys: [PUBLIC, sha256(OLD_PUBLIC)],
    privateKeys: [{ key: sha256(PRIVATE), name: 'operators' }],
  });

  it.each<[string | undefined, string[]]>([
    [`Bearer ${PUBLIC}`, ['start', 'session']],
    [`bearer   ${PUBLIC} `, ['start', 'session']],
    [`Bearer ${OLD_PUBLIC}`, ['start', 'session']],
    [`Bearer ${PRIVATE}`, ['start', 'session', 'manage']],
    [undefined, []],
    ['', []],
    ['Bearer', []],
    ['Bearer ', []],
    [PUBLIC, []],
    [`Basic ${PUBLIC}`, []],
    [`Bearer ${PUBLIC}x`, []],
    [`Bearer ${PUBLIC.slice(1)}`, []],
    [`Bearer ${PUBLIC.toUpperCase()}`, []],
    [`Bearer ${PUBLIC} ${PRIVATE}`, []],
    // The configured text is not the key.
    [`Bearer ${sha256(PRIVATE)}`, []],
    [`Bearer ${sha256(PRIVATE).slice(7)}`, []],
  ])('%j opens %j', (header, expected) => {
    const opened = ['start', 'session', 'manage'].filter((access) => authorize(header, access));
    expect(opened).toEqual(expected);
  });

  it('opens everything with a key that is both', () => {
    const both = auth({ publicKeys: [PUBLIC], privateKeys: [PUBLIC] });
    expect(both(`Bearer ${PUBLIC}`, 'manage')).toBeDefined();
  });

  it('closes what there is no key for, once there is one', () => {
    expect(auth({ publicKeys: [PUBLIC] })(`Bearer ${PUBLIC}`, 'manage')).toBeUndefined();
    expect(auth({ privateKeys: [PRIVATE] })(undefined, 'start')).toBeUndefined();
  });

  it('counts the keys of one name together, and others each by themselves', () => {
    const limited = auth({
      publicKeys: [
        { key: PUBLIC, name: 'shop', maxSessions: 2 },
        { key: OLD_PUBLIC, name: 'shop', maxSessions: 2 },
        'pk_of-somebody-else',
        'pk_of-yet-another-one',
      ],
    });
    expect(limited(`Bearer ${PUBLIC}`)).toEqual({ id: 'shop', maxSessions: 2 });
    expect(limited(`Bearer ${OLD_PUBLIC}`)?.id).toBe('shop');
    const others = ['pk_of-somebody-else', 'pk_of-yet-another-one'].map((key) =>
      limited(`Bearer ${key}`),
    );
    expect(new Set(others.map((caller) => caller?.id)).size).toBe(2);
    // The id that sessions are counted under is no secret.
    expect(JSON.stringify(others)).not.toContain('pk_');
  });

  it('lets the holder of a private key reach all sessions, and everybody those that it starts', () => {
    expect(authorize(`Bearer ${PRIVATE}`)).toEqual({
      id: 'operators',
      owner: null,
      reachesAll: true,
    });
    const { id, ...unnamed } = authorize(`Bearer ${PUBLIC}`)!;
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(unnamed).toEqual({ owner: null });
  });

  it('takes hashes in either case', () => {
    const hashed = `sha256:${sha256(PUBLIC).slice(7).toUpperCase()}`;
    expect(auth({ publicKeys: [hashed] })(`Bearer ${PUBLIC}`)).toBeDefined();
  });

  it('says that it lets everybody in once the application serves', () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const serving = new RunnerServing(new HttpAdapterHost());
    new KeyAuth(resolveRunnerOptions({}), serving);
    expect(warn).not.toHaveBeenCalled();
    serving.begin();
    expect(warn).toHaveBeenCalledTimes(1);
    warn.mockRestore();
  });

  it('lets everybody in without keys, and says so', () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    expect(auth({})(undefined, 'manage')).toEqual({});
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/NOT PROTECTED.*publicKeys/s)]]);
    warn.mockRestore();
  });

  it.each<[unknown, RegExp]>([
    ['pk_0123456789abcdef', /publicKeys must be a list/],
    [['too-short'], /publicKeys \[0\] must be a key \(at least 16/],
    [['pk_0123456789ab'], /publicKeys \[0\] must be a key \(at least 16/],
    [[PUBLIC, 'with a space in it'], /publicKeys \[1\] must be a key/],
    [[PUBLIC, null], /publicKeys \[1\] must be a key/],
    [['sha256:0123456789abcdef'], /64 hex digits/],
    [[{ key: PUBLIC, maxSessions: 0 }], /maxSessions/],
    [[{ key: PUBLIC, name: '' }], /name/],
    [[{ key: PUBLIC, limit: 1 }], /limit.*key, name, maxSessions/],
  ])('refuses %j as keys', (publicKeys, message) => {
    const refused = () => resolveRunnerOptions({ publicKeys: publicKeys as string[] });
    expect(refused).toThrow(message);
    expect(refused).not.toThrow(/0123456789|too-short|space in/);
  });
});
