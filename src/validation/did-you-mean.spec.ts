import { expect, it } from '@jest/globals';
import { didYouMean } from './did-you-mean.js';

const NAMES = ['launcher', 'transports', 'maxSessions', 'path', 'publicKeys', 'privateKeys'];

it.each([
  ['laucher', 'launcher'],
  ['transport', 'transports'],
  ['maxsessions', 'maxSessions'],
  ['maxSesions', 'maxSessions'],
  ['pulbicKeys', 'publicKeys'],
  ['privatKey', 'privateKeys'],
  ['paht', 'path'],
  ['port', undefined],
  ['bot', undefined],
  ['cors', undefined],
])('%s was meant to be %s', (given, name) => {
  expect(didYouMean(given, NAMES)).toBe(name);
});
