import { describe, expect, it } from '@jest/globals';
import { parseIceServers } from './parse-ice-servers.js';

const turn = { urls: 'turn:turn.example.com', username: 'u', credential: 'c' };

describe('parseIceServers', () => {
  it.each([
    [undefined, []],
    ['', []],
    ['stun:a:1', [{ urls: 'stun:a:1' }]],
    ['stun:a:1, stun:b:2,', [{ urls: 'stun:a:1' }, { urls: 'stun:b:2' }]],
    [JSON.stringify(turn), [turn]],
    [JSON.stringify(['stun:a', turn]), [{ urls: 'stun:a' }, turn]],
    [
      JSON.stringify([{ ...turn, urls: ['turn:a', 'turns:b'] }]),
      [{ ...turn, urls: ['turn:a', 'turns:b'] }],
    ],
    [
      ['stun:a', JSON.stringify(turn)],
      [{ urls: 'stun:a' }, turn],
    ],
  ])('reads %j', (given, servers) => {
    expect(parseIceServers(given)).toEqual(servers);
  });

  it.each([
    ['http://a', /http:\/\/a must have urls such as stun:/],
    ['[1]', /ICE server 1 must have urls/],
    ['[', /no JSON/],
    ['{"urls":"stun:a"', /no JSON/],
    ['{}', /must have urls/],
    ['{"urls":[]}', /must have urls/],
    ['{"url":"stun:a"}', /has url; there are urls, username, credential/],
    ['turn:a', /username and a credential: it is a TURN server/],
    [['{"urls":"stun:a","username":7}'], /that are strings/],
    ['[[]]', /must be/],
    ['[null]', /must/],
  ])('refuses %j, naming the entry', (given, problem) => {
    expect(() => parseIceServers(given)).toThrow(problem);
  });
});
