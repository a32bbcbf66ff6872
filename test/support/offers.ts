/** Attributes of each media section in a browser's offer. */
const TRANSPORT = [
  'c=IN IP4 0.0.0.0',
  'a=rtcp:9 IN IP4 0.0.0.0',
  'a=candidate:1 1 udp 2113937151 8c8258a3-81c7-4393-b7f4-02dedae4ca5c.local 42816 typ host generation 0',
  'a=candidate:2 1 udp 2113937151 127.0.0.1 42817 typ host generation 0 ufrag 6Yi6',
  'a=candidate:3 1 tcp 1518280447 127.0.0.1 9 typ host tcptype active generation 0',
  'a=ice-ufrag:6Yi6',
  'a=ice-pwd:mPFzqD+CiwR5ab84l51tNgI3',
  'a=ice-options:trickle',
  `a=fingerprint:sha-256 ${Array.from({ length: 32 }, (_, i) => (i + 160).toString(16).toUpperCase()).join(':')}`,
  'a=setup:actpass',
];

export const AUDIO = (mid: string): string[] => [
  'm=audio 9 UDP/TLS/RTP/SAVPF 111 63 0',
  ...TRANSPORT,
  `a=mid:${mid}`,
  'a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  'a=sendrecv',
  'a=rtcp-mux',
  'a=rtpmap:111 opus/48000/2',
  'a=rtcp-fb:111 transport-cc',
  'a=fmtp:111 minptime=10;useinbandfec=1',
  'a=rtpmap:63 red/48000/2',
  'a=rtpmap:0 PCMU/8000',
  'a=ssrc:2966950241 cname:mYNYN/q3yBKZ7Ldc',
];

export const VIDEO = (mid: string, direction = 'sendrecv'): string[] => [
  'm=video 9 UDP/TLS/RTP/SAVPF 45 104 96 97 102',
  ...TRANSPORT,
  `a=mid:${mid}`,
  `a=${direction}`,
  'a=rtcp-mux',
  'a=rtpmap:45 AV1/90000',
  'a=rtpmap:104 H264/90000',
  'a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f',
  'a=rtpmap:96 VP8/90000',
  'a=rtcp-fb:96 goog-remb',
  'a=rtcp-fb:96 nack',
  'a=rtcp-fb:96 nack pli',
  'a=rtpmap:97 rtx/90000',
  'a=fmtp:97 apt=96',
  'a=rtpmap:102 H264/90000',
  'a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f',
  'a=ssrc-group:FID 1 2',
  'a=ssrc:1 cname:x',
  'a=ssrc:2 cname:x',
];

export const DATA = (mid: string): string[] => [
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  ...TRANSPORT,
  `a=mid:${mid}`,
  'a=sctp-port:5000',
  'a=max-message-size:262144',
];

/** An offer of these sections. */
export function offerOf(...sections: string[][]): string {
  const mids = sections.flatMap(
    (lines) => lines.find((line) => line.startsWith('a=mid:'))?.slice(6) ?? [],
  );
  return [
    'v=0',
    'o=- 1049615428976857669 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${mids.join(' ')}`,
    'a=extmap-allow-mixed',
    'a=msid-semantic: WMS',
    ...sections.flat(),
    '',
  ].join('\r\n');
}

/** Offer of Pipecat's client. */
export const BROWSER_OFFER = offerOf(AUDIO('0'), VIDEO('1'), VIDEO('2', 'sendonly'), DATA('3'));

const without = (lines: string[], pattern: RegExp): string[] =>
  lines.filter((line) => !pattern.test(line));
const replaced = (lines: string[], pattern: RegExp, by: string): string[] =>
  lines.map((line) => line.replace(pattern, by));

const audio = AUDIO('0');
const data = DATA('1');
const withAudio = (lines: string[]): string => offerOf(lines, data);

/** Offers that cannot be answered, by what is wrong with them. */
export const HOSTILE_OFFERS: [what: string, sdp: string][] = [
  ['nothing', ' '],
  ['no SDP', 'hello'],
  ['JSON', JSON.stringify({ type: 'offer' })],
  ['only a version', 'v=0'],
  ['another version', BROWSER_OFFER.replace('v=0', 'v=1')],
  ['no session', audio.join('\r\n')],
  ['control characters', '\u0000\u0001\u0002'],
  ['one long line', `v=0\r\n${'a'.repeat(90_000)}`],
  ['nothing but line ends', '\r\n'.repeat(1_000)],
  ['nothing but media', `v=0\r\n${'m=audio 9 X 0\r\n'.repeat(100)}`],
  ['too many sections', offerOf(audio, ...Array.from({ length: 40 }, (_, i) => VIDEO(`v${i}`)))],
  ['video only', offerOf(VIDEO('0'))],
  ['refused audio and live video', offerOf(replaced(audio, /^m=audio 9/, 'm=audio 0'), VIDEO('1'))],
  ['only unknown codecs', withAudio(replaced(audio, /opus\/48000\/2/, 'lyra/16000'))],
  ['no codecs', withAudio(without(audio, /^a=rtpmap/))],
  ['opus at another rate', withAudio(replaced(audio, /opus\/48000\/2/, 'opus/16000'))],
  ['opus that is not offered', withAudio(replaced(audio, /SAVPF 111 63 0/, 'SAVPF 0'))],
  ['opus as a type that is none', withAudio(audio.map((line) => line.replace(/\b111\b/, '999')))],
  ['the same mid twice', offerOf(audio, DATA('0'))],
  ['no mid', offerOf(without(audio, /^a=mid/), data)],
  ['an empty mid', offerOf(replaced(audio, /^a=mid:0/, 'a=mid:'), data)],
  ['a mid that is a text', offerOf(replaced(audio, /^a=mid:0/, 'a=mid:<script>'), data)],
  ['a long mid', offerOf(replaced(audio, /^a=mid:0/, `a=mid:${'x'.repeat(5_000)}`), data)],
  ['no ufrag', withAudio(without(audio, /^a=ice-ufrag/))],
  ['a short ufrag', withAudio(replaced(audio, /^a=ice-ufrag:.*/, 'a=ice-ufrag:ab'))],
  ['a long ufrag', withAudio(replaced(audio, /^a=ice-ufrag:.*/, `a=ice-ufrag:${'x'.repeat(400)}`))],
  ['no password', withAudio(without(audio, /^a=ice-pwd/))],
  ['a short password', withAudio(replaced(audio, /^a=ice-pwd:.*/, 'a=ice-pwd:short'))],
  ['no fingerprint', withAudio(without(audio, /^a=fingerprint/))],
  ['an empty fingerprint', withAudio(replaced(audio, /^a=fingerprint.*/, 'a=fingerprint:sha-256'))],
  [
    'a broken fingerprint',
    withAudio(replaced(audio, /^a=fingerprint.*/, 'a=fingerprint:sha-256 zz:zz')),
  ],
  [
    'an unknown fingerprint',
    withAudio(replaced(audio, /^a=fingerprint.*/, 'a=fingerprint:md5 00:11')),
  ],
  ['a setup that is none', withAudio(replaced(audio, /^a=setup.*/, 'a=setup:holdconn'))],
  ['a port that is none', withAudio(replaced(audio, /^m=audio 9/, 'm=audio x'))],
  ['a negative port', withAudio(replaced(audio, /^m=audio 9/, 'm=audio -1'))],
  ['a long port', withAudio(replaced(audio, /^m=audio 9/, 'm=audio 999999999999'))],
  ['no formats', withAudio(replaced(audio, /^m=audio.*/, 'm=audio 9 UDP/TLS/RTP/SAVPF'))],
  ['a section that is none', withAudio(replaced(audio, /^m=audio/, 'm=telepathy'))],
  ['plain RTP', withAudio(replaced(audio, /UDP\/TLS\/RTP\/SAVPF/, 'RTP/AVP'))],
  ['keys in the open', withAudio(replaced(audio, /UDP\/TLS\/RTP\/SAVPF/, 'RTP/SAVP'))],
  ['a candidate that is none', withAudio([...audio, 'a=candidate:nonsense'])],
  [
    'a candidate with a port that is none',
    withAudio([...audio, 'a=candidate:1 1 udp 1 127.0.0.1 99999 typ host']),
  ],
  [
    'a candidate of an unknown kind',
    withAudio([...audio, 'a=candidate:1 1 udp 1 127.0.0.1 9 typ wormhole']),
  ],
  [
    'a candidate with a long name',
    withAudio([...audio, `a=candidate:1 1 udp 1 ${'x'.repeat(400)} 9 typ host`]),
  ],
  // Cut off anywhere before the audio is complete.
  ...Array.from({ length: 40 }, (_, i): [string, string] => [
    `cut off after ${i * 20} characters`,
    withAudio(audio).slice(0, i * 20),
  ]),
  // Lines in any order but the right one.
  ...Array.from({ length: 10 }, (_, i): [string, string] => [
    `lines shuffled by ${i + 1}`,
    withAudio(audio)
      .split('\r\n')
      .map((_, j, all) => all[(j * (i + 2) + 1) % all.length])
      .join('\r\n'),
  ]),
  // Not one line that begins as it should.
  ...[
    'a',
    'm',
    'v',
    '=',
    ' ',
    '\t',
    '\u{1F600}',
    '%00',
    '../',
    '${x}',
    "' OR 1=1",
    '\\r\\n',
    '<!--',
  ].map((junk): [string, string] => [
    `${JSON.stringify(junk)} before each line`,
    junk + withAudio(audio).replaceAll('\r\n', `\r\n${junk}`),
  ]),
];

/** Offers of text clients: no audio, and a data channel. */
export const TEXT_OFFERS: [what: string, sdp: string][] = [
  ['a data channel only', offerOf(DATA('0'))],
  ['video and a data channel', offerOf(VIDEO('0'), data)],
  ['refused audio and a data channel', offerOf(replaced(audio, /^m=audio 9/, 'm=audio 0'), data)],
];
