import { describe, expect, it } from '@jest/globals';
import { allocatePcm, bytesFromPcm, ownPcm, pcmFromBytes, toMono } from './pcm.js';

describe('allocatePcm()', () => {
  it('never returns the same memory twice', () => {
    const pieces = Array.from({ length: 2_000 }, (_, i) => allocatePcm(1 + (i % 500)).fill(i));
    pieces.forEach((piece, i) =>
      expect(piece.every((sample) => sample === (i << 16) >> 16)).toBe(true),
    );
    expect(allocatePcm(100_000)).toHaveLength(100_000);
  });
});

describe('ownPcm()', () => {
  it('returns samples with memory of their own', () => {
    const part = allocatePcm(10).fill(7);
    const own = ownPcm(part);
    expect([...own]).toEqual([...part]);
    expect(own.buffer.byteLength).toBe(20);
    expect(ownPcm(own)).toBe(own);
  });
});

describe('PCM samples and bytes', () => {
  it('convert both ways at any byte offset', () => {
    const pcm = Int16Array.of(0, 1, -1, 32_767, -32_768);
    const bytes = bytesFromPcm(pcm);
    expect(bytes.toString('hex')).toBe('00000100ffffff7f0080');
    const odd = Buffer.concat([Buffer.of(9), bytes]).subarray(1);
    expect([...pcmFromBytes(odd)]).toEqual([...pcm]);
  });

  it('are copied when decoded, so that the bytes can be reused', () => {
    const bytes = Buffer.from('0100', 'hex');
    const pcm = pcmFromBytes(bytes);
    bytes.fill(0xff);
    expect([...pcm]).toEqual([1]);
  });

  it('have memory of their own when bots get them', () => {
    expect(pcmFromBytes(Buffer.from('0100', 'hex')).buffer.byteLength).toBe(2);
  });
});

describe('toMono()', () => {
  it('returns the mean of the channels', () => {
    expect([...toMono(Int16Array.of(100, 200, -100, -201, 32_767, 32_767), 2)]).toEqual([
      150, -150, 32_767,
    ]);
    const mono = Int16Array.of(1, 2);
    expect(toMono(mono, 1)).toBe(mono);
  });
});
