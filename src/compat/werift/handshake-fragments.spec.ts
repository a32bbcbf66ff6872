import { describe, expect, it } from '@jest/globals';
import { heldBytes } from '../../../test/support/held-bytes.js';
import { type Handshake, HandshakeFragments } from './handshake-fragments.js';

const BODY = Buffer.from(Array.from({ length: 1_000 }, (_, i) => i & 0xff));

/** A part of a message; werift gives it methods that do not matter here. */
const part = (from: number, to: number, more: Partial<Handshake> = {}): Handshake =>
  ({
    msg_type: 11,
    length: BODY.length,
    message_seq: 2,
    fragment_offset: from,
    fragment_length: to - from,
    fragment: BODY.subarray(from, to),
    ...more,
  }) as Handshake;

describe('a DTLS handshake message', () => {
  const whole = {
    msg_type: 11,
    length: 1_000,
    message_seq: 2,
    fragment_offset: 0,
    fragment_length: 1_000,
    fragment: BODY,
  };

  it.each([
    ['in order', [part(0, 400), part(400, 800), part(800, 1_000)]],
    ['the last part first', [part(800, 1_000), part(400, 800), part(0, 400)]],
    ['some parts twice', [part(0, 400), part(0, 400), part(800, 1_000), part(400, 800)]],
    ['in parts that overlap', [part(0, 500), part(300, 800), part(700, 1_000)]],
    ['with another between', [part(0, 400), part(0, 400, { message_seq: 3 }), part(400, 1_000)]],
  ])('is put together from what comes %s', (_, parts) => {
    const fragments = new HandshakeFragments();
    const found = parts.map((one) => fragments.add(one));
    expect(found.slice(0, -1)).toEqual(parts.slice(1).map(() => undefined));
    expect(found.at(-1)).toMatchObject(whole);
  });

  it('that is whole passes, and leaves nothing', () => {
    const message = part(0, 1_000);
    expect(new HandshakeFragments().add(message)).toBe(message);
  });

  it.each([
    ['larger than any certificate', { length: 16_385 }],
    ['of a number that no handshake has', { message_seq: 16 }],
    ['longer than it says', { fragment: BODY }],
    ['beyond its end', { fragment_offset: 900 }],
  ])('is not made of a part that is %s', (_, more) => {
    const fragments = new HandshakeFragments();
    expect(fragments.add(part(0, 400, more))).toBeUndefined();
    expect(fragments.add(part(0, 400, { ...more, length: 1_000_000 }))).toBeUndefined();
  });

  it.each([
    [16_384, true],
    [16_385, false],
  ])('of %d bytes is put together: %s', (length, isTaken) => {
    const body = Buffer.alloc(length, 7);
    const fragments = new HandshakeFragments();
    const half = (from: number, to: number): Handshake | undefined =>
      fragments.add(part(from, to, { length, fragment: body.subarray(from, to) }));
    expect(half(0, 8_000)).toBeUndefined();
    expect(half(8_000, length)?.fragment).toEqual(isTaken ? body : undefined);
  });

  it('begins anew with a part of another message of its number', () => {
    const fragments = new HandshakeFragments();
    fragments.add(part(0, 400));
    expect(fragments.add(part(400, 1_000, { msg_type: 12 }))).toBeUndefined();
    expect(fragments.add(part(400, 1_000))).toBeUndefined();
    expect(fragments.add(part(0, 400))).toMatchObject(whole);
  });

  it('is not made of parts that were waited for too long', () => {
    let nowMs = 0;
    const fragments = new HandshakeFragments(() => nowMs);
    fragments.add(part(0, 400));
    nowMs = 10_001;
    expect(fragments.add(part(400, 1_000))).toBeUndefined();
  });

  it('never becomes whole in 40,000 parts, which keep less than a megabyte', async () => {
    const fragments = new HandshakeFragments();
    const before = await heldBytes();
    for (let i = 0; i < 40_000; i++) {
      const fragment = Buffer.alloc(1_000, i);
      fragments.add(part(0, 1_000, { length: 16_000, message_seq: i & 0xffff, fragment }));
    }
    expect((await heldBytes()) - before).toBeLessThan(1_000_000);
    fragments.clear();
  });
});
