import { expect, it } from '@jest/globals';
import { validateInto } from '../../../validation/validate-into.js';
import { WebRtcOffer } from './webrtc-offer.dto.js';

it('a WebRTC offer may have an SDP of 100,000 characters and no more', () => {
  const offer = (length: number): object => ({ type: 'offer', sdp: 'v'.repeat(length) });
  expect(validateInto(WebRtcOffer, offer(100_000)).sdp).toHaveLength(100_000);
  expect(() => validateInto(WebRtcOffer, offer(100_001))).toThrow(
    'sdp must have at most 100000 characters',
  );
});
