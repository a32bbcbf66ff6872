import { describe, expect, it } from '@jest/globals';
import * as werift from 'werift';
import { endlessExtension } from '../../../test/support/datagrams.js';
import { hasSoundExtension } from './rtp-extension.js';

function packet(extensionBytes: number, { csrc = 0, bytes = 400 } = {}): Buffer {
  const rtp = Buffer.alloc(bytes, 0x10);
  rtp[0] = 0x90 | csrc;
  const at = 12 + 4 * csrc;
  if (at + 4 <= bytes) rtp.writeUInt16BE(extensionBytes / 4, at + 2);
  return rtp;
}

describe('the header extension of an RTP packet', () => {
  it.each([
    ['that is short', packet(8)],
    ['of no length', packet(0)],
    ['after contributing sources', packet(8, { csrc: 15 })],
    ['that fills the packet', packet(24, { bytes: 40 })],
    ['that is not there', Buffer.of(0x80, 96, 0, 1)],
    [
      'of werift itself',
      new werift.RtpPacket(
        new werift.RtpHeader({ extensions: [{ id: 1, payload: Buffer.from('mid') }] }),
        Buffer.from('sound'),
      ).serialize(),
    ],
  ])('%s is sound', (_, rtp) => {
    expect(hasSoundExtension(rtp)).toBe(true);
  });

  it.each([
    ['that goes on after the packet', packet(28, { bytes: 40 })],
    ['that is as long as can be', endlessExtension()],
    ['that is longer than any of use', packet(260)],
    ['that begins after the packet', packet(0, { csrc: 15, bytes: 40 })],
    ['of one byte', Buffer.of(0x90)],
  ])('%s is not', (_, rtp) => {
    expect(hasSoundExtension(rtp)).toBe(false);
  });
});
