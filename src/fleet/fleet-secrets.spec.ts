import { describe, expect, it } from '@jest/globals';
import { FleetSecrets } from './fleet-secrets.js';

const [OLD, NEW] = ['the old secret '.repeat(3), 'the new secret '.repeat(3)] as const;

describe('the secrets of a fleet', () => {
  const old = new FleetSecrets([OLD]);

  it('seal a field for one session, and no two times the same', () => {
    const sealed = old.seal('one', 'data', 'hällo');
    expect(old.unseal('one', 'data', sealed)).toBe('hällo');
    expect(old.seal('one', 'data', 'hällo')).not.toBe(sealed);
    expect(old.unseal('one', 'data', old.seal('one', 'data', ''))).toBe('');
  });

  it('unseal nothing that was moved to another session or field, or changed', () => {
    const sealed = old.seal('one', 'data', 'hello');
    expect(old.unseal('two', 'data', sealed)).toBeUndefined();
    expect(old.unseal('one', 'room', sealed)).toBeUndefined();
    const bytes = Buffer.from(sealed, 'base64');
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      expect(old.unseal('one', 'data', changed.toString('base64'))).toBeUndefined();
    }
    for (const broken of ['', 'x', sealed.slice(0, 30), sealed.slice(0, -4)]) {
      expect(old.unseal('one', 'data', broken)).toBeUndefined();
    }
  });

  it('rotate: all of a list unseal and verify, the first seals and signs', () => {
    const both = new FleetSecrets([NEW, OLD]);
    expect(both.unseal('one', 'data', old.seal('one', 'data', 'hello'))).toBe('hello');
    expect(old.unseal('one', 'data', both.seal('one', 'data', 'hello'))).toBeUndefined();
    expect(both.verifiesNode('a', '{}', old.signNode('a', '{}'))).toBe(true);
    expect(old.verifiesNode('a', '{}', both.signNode('a', '{}'))).toBe(false);
    expect(both.fingerprints).toContain(old.fingerprints[0]);
    expect(both.nameOf('ada')).not.toBe(old.nameOf('ada'));
  });

  it('verify a record for its own node only', () => {
    const mac = old.signNode('a', '{}');
    expect(old.verifiesNode('a', '{}', mac)).toBe(true);
    expect(old.verifiesNode('b', '{}', mac)).toBe(false);
    expect(old.verifiesNode('a', '{ }', mac)).toBe(false);
    for (const forged of ['', 'AAAA', 'ä']) expect(old.verifiesNode('a', '{}', forged)).toBe(false);
  });
});
