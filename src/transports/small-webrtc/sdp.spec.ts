import { describe, expect, it } from '@jest/globals';
import {
  AUDIO,
  BROWSER_OFFER,
  DATA,
  HOSTILE_OFFERS,
  offerOf,
  VIDEO,
} from '../../../test/support/offers.js';
import { forEsp32, readOffer, usableCandidate } from './sdp.js';

const lines = (sdp: string, prefix: string): string[] =>
  sdp.split('\r\n').filter((line) => line.startsWith(prefix));

describe('readOffer', () => {
  it('keeps what can be answered, and of it what means something', () => {
    const offer = readOffer(BROWSER_OFFER);
    expect(offer.mids).toEqual(['0', '1', '2', '3']);
    expect(offer.ufrag).toBe('6Yi6');
    expect(lines(offer.sdp, 'm=')).toEqual([
      'm=audio 9 UDP/TLS/RTP/SAVPF 111',
      'm=video 9 UDP/TLS/RTP/SAVPF 96',
      'm=video 9 UDP/TLS/RTP/SAVPF 96',
      'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    ]);
    expect(lines(offer.sdp, 'a=group')).toEqual(['a=group:BUNDLE 0 1 2 3']);
    expect(new Set(lines(offer.sdp, 'a=rtcp-fb'))).toEqual(
      new Set(['a=rtcp-fb:96 nack', 'a=rtcp-fb:96 nack pli']),
    );
    expect(offer.sdp).not.toMatch(/extmap|FID|\.local| tcp |rtx|red/);
  });

  it.each([
    [
      'a session that comes after the others',
      offerOf(DATA('d'), VIDEO('v'), AUDIO('a')),
      ['d', 'v', 'a'],
    ],
    [
      'line ends without carriage returns',
      BROWSER_OFFER.replaceAll('\r\n', '\n'),
      ['0', '1', '2', '3'],
    ],
    [
      'refused audio before audio',
      offerOf(
        AUDIO('x').map((l) => l.replace('m=audio 9', 'm=audio 0')),
        AUDIO('0'),
        DATA('1'),
      ),
      [undefined, '0', '1'],
    ],
    [
      'audio that only lives in the bundle',
      offerOf(
        [...AUDIO('0').map((l) => l.replace('m=audio 9', 'm=audio 0')), 'a=bundle-only'],
        DATA('1'),
      ),
      ['0', '1'],
    ],
    [
      'video in an unknown codec',
      offerOf(
        AUDIO('0'),
        VIDEO('1').map((l) => l.replace(/VP8|H264/, 'AV1')),
        DATA('2'),
      ),
      ['0', undefined, '2'],
    ],
    [
      'more tracks than there is use for',
      offerOf(AUDIO('0'), AUDIO('1'), VIDEO('2'), VIDEO('3'), VIDEO('4'), DATA('5'), DATA('6')),
      ['0', undefined, '2', '3', undefined, '5', undefined],
    ],
  ])('takes %s', (_, sdp, mids) => {
    expect(readOffer(sdp).mids).toEqual(mids);
  });

  it('refuses in the answer what it left out', () => {
    const offer = readOffer(
      offerOf(
        VIDEO('v').map((l) => l.replace(/VP8|H264/, 'AV1')),
        AUDIO('a'),
        DATA('d'),
      ),
    );
    const answer = 'v=0\r\ns=-\r\nm=audio 9 X 111\r\na=mid:a\r\nm=application 9 Y z\r\na=mid:d\r\n';
    expect(offer.completeAnswer(answer)).toBe(
      'v=0\r\ns=-\r\nm=video 0 UDP/TLS/RTP/SAVPF 45 104 96 97 102\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\na=mid:v\r\nm=audio 9 X 111\r\na=mid:a\r\nm=application 9 Y z\r\na=mid:d\r\n',
    );
  });

  it('reads as many formats as there may be before tens of thousands of lines', () => {
    const formats = Array.from({ length: 128 }, (_, i) => i);
    const h264 = formats.map((type) => `a=rtpmap:${type} H264/90000`);
    const video = [
      `m=video 9 UDP/TLS/RTP/SAVPF ${formats.join(' ')}`,
      'a=mid:1',
      ...Array<string>(30_000).fill('a='),
      ...h264,
    ];
    const sdp = offerOf(AUDIO('0'), video);
    readOffer(BROWSER_OFFER);
    const before = process.cpuUsage();
    expect(readOffer(sdp).mids).toEqual(['0', undefined]);
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(40);
  });

  it.each([
    ['the session', offerOf(AUDIO('0')).replace('t=0 0\r\n', 't=0 0\r\n'.repeat(201))],
    [
      "section '0'",
      offerOf([...AUDIO('0'), ...Array.from({ length: 201 }, (_, i) => `a=ssrc:${i} cname:x`)]),
    ],
    ["section '0'", offerOf([...AUDIO('0'), ...Array<string>(201).fill(AUDIO('0').at(-6)!)])],
  ])('passes on no flood of lines that mean something in %s', (where, sdp) => {
    expect(() => readOffer(sdp)).toThrow(
      `The offer cannot be answered: ${where} has more than 200 lines that mean something.`,
    );
  });

  it('has enough to try', () => expect(HOSTILE_OFFERS.length).toBeGreaterThanOrEqual(100));

  it.each(HOSTILE_OFFERS)('refuses %s', (_, sdp) => {
    expect(() => readOffer(sdp)).toThrow(expect.objectContaining({ status: 400 }));
  });
});

it('an offer has fifty candidates at most', () => {
  const candidates = Array.from(
    { length: 80 },
    (_, i) => `a=candidate:${i} 1 udp 1 10.0.0.${i} 9 typ host`,
  );
  const { sdp } = readOffer(
    BROWSER_OFFER.replace(/^a=mid:/m, `${candidates.join('\r\n')}\r\na=mid:`),
  );
  expect(sdp.match(/^a=candidate:\d+ 1 udp 1 10\.0\.0\./gm)?.length).toBeLessThanOrEqual(50);
  expect(sdp).toContain('10.0.0.40');
});

describe('usableCandidate', () => {
  it.each([
    ['candidate:1 1 udp 2113937151 192.0.2.7 42816 typ host generation 0 ufrag 6Yi6', true],
    ['a=candidate:1 1 UDP 1 2001:db8::1 9 typ srflx raddr 192.0.2.7 rport 9', true],
    ['candidate:1 1 udp 1 8c8258a3.local 42816 typ host', false],
    ['candidate:1 1 udp 1 example.com 42816 typ host', false],
    ['candidate:1 1 tcp 1 192.0.2.7 9 typ host tcptype active', false],
  ])('passes on no candidate but an address for UDP: %s', (line, usable) => {
    expect(usableCandidate(line) !== undefined).toBe(usable);
  });

  it.each([
    '',
    'candidate:',
    'candidate:1 1 udp 1 192.0.2.7',
    'candidate:1 0 udp 1 192.0.2.7 9 typ host',
    'candidate:1 1 udp -1 192.0.2.7 9 typ host',
    'candidate:1 1 udp 1 192.0.2.7 70000 typ host',
    'candidate:1 1 udp 1 192.0.2.7 9 typ magic',
    'candidate:1 1 udp 1 192.0.2.7 9 typ host\r\na=setup:active',
    'candidate:é 1 udp 1 192.0.2.7 9 typ host',
    `candidate:${'1'.repeat(200)} 1 udp 1 192.0.2.7 9 typ host`,
  ])('refuses %j', (line) => {
    expect(() => usableCandidate(line)).toThrow(expect.objectContaining({ status: 400 }));
  });
});

it('forEsp32 keeps one kind of fingerprint, and the ways through the host', () => {
  const answer = [
    'v=0',
    'a=fingerprint:sha-256 AA',
    'a=fingerprint:sha-512 BB',
    'a=candidate:1 1 udp 1 192.0.2.7 9 typ host',
    'a=candidate:2 1 udp 1 10.0.0.7 9 typ host',
    'a=candidate:2 1 udp 1 192.0.2.70 9 typ host',
    'a=candidate:3 1 udp 1 203.0.113.5 9 typ srflx raddr 192.0.2.7 rport 9',
    '',
  ].join('\r\n');
  expect(forEsp32(answer, '192.0.2.7')).toBe(
    ['v=0', 'a=fingerprint:sha-256 AA', 'a=candidate:1 1 udp 1 192.0.2.7 9 typ host', ''].join(
      '\r\n',
    ),
  );
});

describe('an offer of libpeer, the WebRTC of ESP32 devices', () => {
  // https://github.com/sepfy/libpeer, as of September 2025; its candidates are in the last section.
  const OFFER = [
    'v=0',
    'o=- 1495799811084970 1495799811084970 IN IP4 0.0.0.0',
    's=-',
    't=0 0',
    'a=msid-semantic: iot',
    'a=group:BUNDLE audio datachannel',
    'a=ice-ufrag:a4uR',
    'a=ice-pwd:a4uRDHDFhD4fnzK37iadlOiv',
    `a=fingerprint:sha-256 ${Array(32).fill('5F').join(':')}`,
    'a=setup:passive',
    'm=audio 9 UDP/TLS/RTP/SAVP 111',
    'c=IN IP4 0.0.0.0',
    'a=rtpmap:111 opus/48000/2',
    'a=ssrc:6 cname:webrtc-opus',
    'a=sendrecv',
    'a=mid:audio',
    'a=rtcp-mux',
    'm=application 50712 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    'a=mid:datachannel',
    'a=sctp-port:5000',
    'a=max-message-size:262144',
    'a=candidate:0 1 UDP 2126527231 192.0.2.2 49210 typ host',
  ];

  it.each([
    ['CR LF and an empty line', `${OFFER.join('\r\n')}\r\n\r\n`],
    ['CR LF and no last line end', OFFER.join('\r\n')],
    ['bare LF', `${OFFER.join('\n')}\n`],
    ['bare LF and no last line end', OFFER.join('\n')],
  ])('is read with %s', (_, sdp) => {
    expect(readOffer(sdp)).toMatchObject({
      wantsPassive: true,
      mids: ['audio', 'datachannel'],
      ufrag: 'a4uR',
      sdp: expect.stringContaining(
        '\r\na=candidate:0 1 UDP 2126527231 192.0.2.2 49210 typ host\r\n',
      ),
    });
  });

  it('is refused with the reason when its audio is PCMA', () => {
    const pcma = OFFER.join('\r\n')
      .replace('SAVP 111', 'SAVP 8')
      .replace('111 opus/48000/2', '8 PCMA/8000');
    expect(() => readOffer(pcma)).toThrow('it has no audio in Opus');
  });
});
