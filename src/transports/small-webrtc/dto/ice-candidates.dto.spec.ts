import { expect, it } from '@jest/globals';
import { validateInto } from '../../../validation/validate-into.js';
import { IceCandidates } from './ice-candidates.dto.js';

it('a PATCH of ICE candidates may have a hundred of them and no more', () => {
  const some = (count: number): object => ({
    pc_id: 'x',
    candidates: Array.from({ length: count }, () => ({ candidate: '', sdp_mid: '0' })),
  });
  expect(validateInto(IceCandidates, some(100)).candidates).toHaveLength(100);
  expect(() => validateInto(IceCandidates, some(101))).toThrow('candidates must be at most 100');
});
