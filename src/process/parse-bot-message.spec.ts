import { describe, expect, it } from '@jest/globals';
import { parseBotMessage } from './parse-bot-message.js';

const stats = { audioIn: 1, audioOut: 2, unread: 0, overflowed: 0, malformed: { 'bad frame': 3 } };
const parse = (message: unknown) => parseBotMessage(JSON.stringify(message));

describe('parseBotMessage', () => {
  it.each<[string, object, object]>([
    ['loaded', { type: 'loaded' }, { type: 'loaded' }],
    [
      'loaded with routes',
      { type: 'loaded', routes: ['GET /a\u001b[2J', 'x'.repeat(1_000)] },
      { type: 'loaded', routes: ['GET /a', 'x'.repeat(1_000)] },
    ],
    ['loaded with null', { type: 'loaded', routes: null }, { type: 'loaded' }],
    ['requests, with more than there is', { type: 'requests', path: '/' }, { type: 'requests' }],
    ['terminate', { type: 'terminate' }, { type: 'terminate' }],
    ['ready, with more than there is', { type: 'ready', more: 1 }, { type: 'ready' }],
    [
      'ready with certificates',
      { type: 'ready', certFingerprints: ['ab'.repeat(32)] },
      { type: 'ready', certFingerprints: ['ab'.repeat(32)] },
    ],
    ['ready with null', { type: 'ready', certFingerprints: null }, { type: 'ready' }],
    ['hang_up', { type: 'hang_up' }, { type: 'hang_up' }],
    [
      'leaving',
      { type: 'leaving', message: 'The bot\u0007 returned.' },
      { type: 'leaving', message: 'The bot returned.' },
    ],
    [
      'transfer, with more than there is',
      { type: 'transfer', target: '+15550001', callerId: null, more: 1 },
      { type: 'transfer', target: '+15550001' },
    ],
    [
      'transfer under a number',
      { type: 'transfer', target: 'sip:a@example.com', callerId: '+15550002' },
      { type: 'transfer', target: 'sip:a@example.com', callerId: '+15550002' },
    ],
    ['done', { type: 'done' }, { type: 'done' }],
    ['done with null', { type: 'done', stats: null }, { type: 'done' }],
    ['done with stats', { type: 'done', stats }, { type: 'done', stats }],
    [
      'failed without a stack',
      { type: 'failed', message: 'x', stack: null },
      { type: 'failed', message: 'x' },
    ],
    [
      'failed with control characters',
      { type: 'failed', message: 'a\rb\u001b[2J', stack: 'x\n  at\u009c y' },
      { type: 'failed', message: 'ab', stack: 'x\n      at y' },
    ],
    [
      'stop as long as it may be',
      { type: 'stop', code: 'peer_left', message: 'x'.repeat(4_096) },
      { type: 'stop', code: 'peer_left', message: 'x'.repeat(4_096) },
    ],
    [
      'answer',
      { type: 'answer', id: 0, sdp: 'v=0\r\ns=-\r\n', more: 1 },
      { type: 'answer', id: 0, sdp: 'v=0\r\ns=-\r\n' },
    ],
    [
      'answer with an error',
      { type: 'answer', id: 1, sdp: null, error: 'a\rb' },
      { type: 'answer', id: 1, error: 'ab' },
    ],
    ['peer', { type: 'peer', state: 'left', more: 1 }, { type: 'peer', state: 'left' }],
    [
      'log',
      { type: 'log', level: 'fatal', message: 'a\tb' },
      { type: 'log', level: 'fatal', message: 'a\tb' },
    ],
  ])('reads %s', (_, message, read) => {
    expect(parse(message)).toEqual(read);
  });

  it.each(['grown', 'constructor', '__proto__', 'toString', ''])('ignores the type %j', (type) => {
    expect(parse({ type })).toBeUndefined();
  });

  it.each<[unknown, RegExp]>([
    [[], /no message/],
    ['loaded', /no message/],
    [7, /no message/],
    [{ type: ['loaded'] }, /no message/],
    [{ type: 'log', message: 'x' }, /log that cannot be used: level must be one of verbose/],
    [{ type: 'log', level: ['log'], message: 'x' }, /level must be one of/],
    [{ type: 'log', level: 'log', message: {} }, /message must be a text of at most 65536/],
    [{ type: 'log', level: 'log', message: 'x'.repeat(65_537) }, /message must be a text of at/],
    ...['draining', 'expired', 'too_long', 'not_ready', 'start_failed', 'toString', 7, null].map(
      (code): [unknown, RegExp] => [
        { type: 'stop', code, message: 'x' },
        /code must be one of completed, failed, peer_left, peer_error, stopped/,
      ],
    ),
    [{ type: 'stop', code: 'completed' }, /message must be a text of at most 4096/],
    [{ type: 'failed', message: 'x', stack: 7 }, /stack must be a text of at most 65536/],
    [{ type: 'failed', message: null }, /message must be a text/],
    [{ type: 'loaded', routes: 'GET /' }, /routes must be a list of at most 100/],
    [{ type: 'loaded', routes: Array(101).fill('x') }, /routes must be a list of at most 100/],
    [{ type: 'loaded', routes: ['x'.repeat(1_001)] }, /route must be a text of at most 1000/],
    [{ type: 'loaded', routes: [7] }, /route must be a text of at most 1000/],
    [{ type: 'transfer' }, /target must be a text/],
    [{ type: 'transfer', target: 'x', callerId: 7 }, /callerId must be a text/],
    [{ type: 'done', stats: 7 }, /stats and its malformed must be objects/],
    [{ type: 'done', stats: {} }, /stats and its malformed must be objects/],
    [{ type: 'done', stats: { ...stats, malformed: [1] } }, /must be objects/],
    [{ type: 'done', stats: { ...stats, audioIn: undefined } }, /whole one from 0 to 1000000000/],
    [{ type: 'done', stats: { ...stats, audioOut: 1.5 } }, /whole one/],
    [{ type: 'done', stats: { ...stats, unread: '1' } }, /whole one/],
    [{ type: 'done', stats: { ...stats, overflowed: 1e300 } }, /whole one/],
    [{ type: 'done', stats: { ...stats, malformed: { x: -1 } } }, /whole one/],
    [
      {
        type: 'done',
        stats: {
          ...stats,
          malformed: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [i, 1])),
        },
      },
      /malformed must have at most 100 kinds/,
    ],
    [{ type: 'ready', certFingerprints: 'ab' }, /certFingerprints must be at most 10 SHA-256/],
    [{ type: 'ready', certFingerprints: ['ab'] }, /certFingerprints must be/],
    [{ type: 'ready', certFingerprints: Array(11).fill('ab'.repeat(32)) }, /certFingerprints must/],
    [{ type: 'answer', sdp: 'v=0\n' }, /id must be the number of an offer/],
    [{ type: 'answer', id: '0', sdp: 'v=0\n' }, /id must be the number of an offer/],
    [{ type: 'answer', id: 0 }, /sdp must be a text of at most 100000/],
    [{ type: 'answer', id: 0, sdp: `v=0\n${'x'.repeat(100_000)}` }, /sdp must be a text/],
    [{ type: 'answer', id: 0, sdp: 'hello' }, /sdp must be lines of printable ASCII/],
    [{ type: 'answer', id: 0, sdp: 'v=0\n\u0000' }, /sdp must be lines of printable ASCII/],
    [{ type: 'answer', id: 0, error: 7 }, /error must be a text of at most 4096/],
    [{ type: 'peer' }, /state must be one of connected, left, silent, failed/],
    [{ type: 'peer', state: ['left'] }, /state must be one of/],
    [{ type: 'file', url: 'a' }, /id must be the number of a file/],
    [{ type: 'file', id: 1, url: 'a'.repeat(4_097) }, /url must be a text of at most 4096/],
    [{ type: 'file', id: 1, error: 7 }, /error must be a text/],
  ])('says what is wrong with %j', (message, problem) => {
    expect(parse(message)).toMatch(problem);
  });

  it('takes no number that JSON cannot hold', () => {
    const text = JSON.stringify({ type: 'done', stats }).replace('"audioIn":1', '"audioIn":1e999');
    expect(parseBotMessage(text)).toMatch(/whole one/);
  });
});
