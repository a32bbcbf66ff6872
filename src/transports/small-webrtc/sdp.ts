import { isIP } from 'node:net';
import { RunnerError } from '../../errors/runner.error.js';

/** The most media sections of an offer. A browser that adds and removes tracks for hours has some ten. */
const MAX_SECTIONS = 32;
/** The most formats of a section: RTP has no more payload types. */
const MAX_FORMATS = 128;
/** The most ICE candidates of an offer; further ones are left out. */
const MAX_CANDIDATES = 50;
/** The most lines passed on per section and for the session: the WebRTC stack takes quadratic time for some. */
const MAX_LINES = 200;

const AUDIO_CODEC = /^opus\/48000/i;
const VIDEO_CODEC = /^(VP8|H264)\/90000/i;

/** Supported session and media attributes. Others, such as header extensions, are left out of the answer. */
const SESSION_ATTRIBUTES =
  /^a=(ice-lite|(ice-(ufrag|pwd|options)|fingerprint|setup|msid-semantic):)/;
const MEDIA_ATTRIBUTES =
  /^a=((sendrecv|sendonly|recvonly|inactive|rtcp-mux)$|(mid|ssrc|msid|ice-(ufrag|pwd|options)|fingerprint|setup|rtpmap|fmtp|rtcp-fb|candidate|sctp-port|sctpmap|max-message-size):)/;

const FINGERPRINT = /^(sha-1|sha-224|sha-256|sha-384|sha-512) [0-9a-f]{2}(:[0-9a-f]{2})+$/i;

interface Section {
  readonly kind: string;
  readonly protocol: string;
  readonly formats: readonly string[];
  readonly lines: readonly string[];
  readonly mid: string;
  /** False for a section that the client rejects or has stopped. */
  readonly lives: boolean;
  /** False for a section that can only be rejected. */
  readonly usable: boolean;
}

type Unjudged = Omit<Section, 'lives' | 'usable'>;

/** A parsed and sanitised offer. */
export interface Offer {
  /** SDP as the client sent it. */
  readonly original: string;
  /** SDP with the supported sections and attributes only. */
  readonly sdp: string;
  /** True for an offer with `a=setup:passive`, whose answer must be `a=setup:active`. */
  readonly wantsPassive: boolean;
  /** The `mid` of each accepted section, by its index; `undefined` for rejected ones. */
  readonly mids: readonly (string | undefined)[];
  /** ICE username fragment: the generation of the candidates. */
  readonly ufrag: string;
  /** Inserts the rejected sections into an answer. */
  completeAnswer(answer: string): string;
}

/**
 * Parses and sanitises an offer: removes unsupported codecs and sections, and mDNS candidates.
 * @param needsAudio refuses offers with neither audio in Opus nor a data channel alone
 * @throws {RunnerError} `BAD_REQUEST` naming what is wrong
 */
export function readOffer(sdp: string, needsAudio = true): Offer {
  const [head = '', ...bodies] = sdp.split(/\r?\n(?=m=)/);
  const session = linesOf(head);
  if (session[0] !== 'v=0') throw bad('it does not begin with v=0');
  if (bodies.length === 0) throw bad('it has no media');
  if (bodies.length > MAX_SECTIONS) throw bad(`it has more than ${MAX_SECTIONS} media sections`);
  const room = { audio: 1, video: 2, application: 1 } as Record<string, number>;
  const sections = bodies.map((body, i) => {
    const section = readSection(linesOf(body), i);
    // A microphone, a camera, a screen and a data channel are the most that is used.
    return section.usable && room[section.kind]!-- <= 0 ? { ...section, usable: false } : section;
  });
  checkMids(sections);
  const used = sections.filter(({ usable }) => usable);
  if (needsAudio && !hasMedia(sections)) {
    throw bad('it has no audio in Opus, the codec that bots speak, nor a data channel alone');
  }
  if (used.length === 0) throw bad('it has no media section that can be accepted');
  for (const section of used) checkTransport(section, session);
  const bundle = /^a=group:BUNDLE (.*)$/m.exec(head)?.[1]?.split(' ');
  const bundled = used.map(({ mid }) => mid).filter((mid) => bundle?.includes(mid));
  const own = session.filter((line) => /^[vost]=/.test(line) || SESSION_ATTRIBUTES.test(line));
  refuseMany(own, 'the session');
  return {
    original: sdp,
    sdp: [
      ...own,
      ...(bundle ? [`a=group:BUNDLE ${bundled.join(' ')}`] : []),
      ...used.flatMap(clean),
      '',
    ].join('\r\n'),
    wantsPassive: attribute('setup', used[0]!.lines, session) === 'passive',
    mids: sections.map(({ mid, usable }) => (usable ? mid : undefined)),
    ufrag: attribute('ice-ufrag', used[0]!.lines, session)!,
    completeAnswer: (answer) => completeAnswer(answer, sections),
  };
}

/** True for audio in Opus, and for a data channel without any audio, as of text clients. */
function hasMedia(sections: readonly Section[]): boolean {
  const has = (wanted: string, trait: 'lives' | 'usable'): boolean =>
    sections.some((section) => section.kind === wanted && section[trait]);
  return has('audio', 'usable') || (has('application', 'usable') && !has('audio', 'lives'));
}

function readSection(lines: readonly string[], index: number): Section {
  const match =
    /^m=(audio|video|application|text|message|image) (\d{1,5})(?:\/\d+)? (\S+) (.+)$/.exec(
      lines[0]!,
    );
  if (!match) throw bad(`media section ${index} has no proper m= line`);
  const [, kind, port, protocol, formats] = match as unknown as string[];
  const mid = attribute('mid', lines);
  if (mid === undefined || !/^[\w.+~-]{1,32}$/.test(mid)) {
    throw bad(`media section ${index} has no proper a=mid`);
  }
  const section = { kind: kind!, protocol: protocol!, formats: formats!.split(' '), lines, mid };
  if (section.formats.length > MAX_FORMATS) {
    throw bad(`media section ${index} has more than ${MAX_FORMATS} formats`);
  }
  // Port 0 rejects a section, unless it is bundle-only (RFC 9143).
  const lives = Number(port) > 0 || lines.includes('a=bundle-only');
  return { ...section, lives, usable: lives && canUse(section) };
}

function canUse(section: Unjudged): boolean {
  const { kind, protocol, formats } = section;
  if (kind === 'application') {
    return /DTLS\/SCTP$/.test(protocol) && /^(webrtc-datachannel|\d+)$/.test(formats[0]!);
  }
  return (
    /^(UDP|TCP)\/TLS\/RTP\/SAVPF?$|^RTP\/SAVPF$/.test(protocol) && usableType(section) !== undefined
  );
}

/** Returns the client's preferred payload type among the supported ones. */
function usableType({ kind, formats, lines }: Unjudged): string | undefined {
  const codec = kind === 'audio' ? AUDIO_CODEC : kind === 'video' ? VIDEO_CODEC : undefined;
  const names = new Map<string, string>();
  const inMode1 = new Set<string>();
  for (const line of lines) {
    const [, what, type, value] = /^a=(rtpmap|fmtp):(\d{1,3}) (.*)$/.exec(line) ?? [];
    if (what === 'rtpmap' && !names.has(type!)) names.set(type!, value!);
    if (what === 'fmtp' && /\bpacketization-mode=1\b/.test(value!)) inMode1.add(type!);
  }
  return formats.find((type) => {
    const name = names.get(type);
    if (name === undefined || !codec?.test(name)) return false;
    // H.264 packetization mode 0 does not fragment pictures.
    const isMode0 = /^H264/i.test(name) && !inMode1.has(type);
    return !isMode0 && Number(type) <= 127;
  });
}

function checkMids(sections: readonly Section[]): void {
  const seen = new Set<string>();
  for (const { mid } of sections) {
    if (seen.has(mid)) throw bad(`two media sections have the a=mid '${mid}'`);
    seen.add(mid);
  }
}

function checkTransport({ lines, mid }: Section, session: readonly string[]): void {
  const ufrag = attribute('ice-ufrag', lines, session);
  const pwd = attribute('ice-pwd', lines, session);
  // RFC 8839, 5.4.
  if (!/^[\w+/=-]{4,256}$/.test(ufrag ?? '')) throw bad(`section '${mid}' has no a=ice-ufrag`);
  if (!/^[\w+/=-]{22,256}$/.test(pwd ?? '')) throw bad(`section '${mid}' has no a=ice-pwd`);
  if (!FINGERPRINT.test(attribute('fingerprint', lines, session) ?? '')) {
    throw bad(`section '${mid}' has no a=fingerprint`);
  }
  const setup = attribute('setup', lines, session);
  if (setup !== undefined && !['actpass', 'active', 'passive'].includes(setup)) {
    throw bad(`section '${mid}' has a=setup:${setup.slice(0, 20)}`);
  }
}

/** Removes unsupported lines from a section. */
function clean(section: Section): string[] {
  const { kind, protocol, formats, lines } = section;
  const used = kind === 'application' ? formats[0]! : usableType(section)!;
  let candidates = 0;
  const kept = lines.slice(1).filter((line) => {
    if (line.startsWith('a=candidate:')) {
      return candidates++ < MAX_CANDIDATES && usableCandidate(line.slice(2)) !== undefined;
    }
    // Lost video is retransmitted (NACK) or refreshed (PLI); there is no time for either with audio.
    if (line.startsWith('a=rtcp-fb:')) {
      return (
        kind === 'video' && /^\S+ nack( pli)?$/.test(line) && line.startsWith(`a=rtcp-fb:${used} `)
      );
    }
    const [, type] = /^a=(?:rtpmap|fmtp):(\d+) /.exec(line) ?? [];
    if (type !== undefined) return type === used;
    return line.startsWith('c=IN ') || MEDIA_ATTRIBUTES.test(line);
  });
  refuseMany(kept, `section '${section.mid}'`);
  return [`m=${kind} 9 ${protocol} ${used}`, ...kept];
}

function refuseMany(lines: readonly string[], where: string): void {
  if (lines.length > MAX_LINES) {
    throw bad(`${where} has more than ${MAX_LINES} lines that mean something`);
  }
}

const CANDIDATE =
  /^(?:a=)?(candidate:[\w+/=-]{1,64} [1-9]\d{0,2} (\S{1,16}) \d{1,10} (\S{1,255}) (\d{1,5}) typ (host|srflx|prflx|relay)( .*)?)$/i;

function matchCandidate(line: string): RegExpExecArray {
  const match = CANDIDATE.exec(line.trim());
  if (!match || Number(match[4]) > 65_535 || /[^\x20-\x7e]/.test(line)) {
    throw new RunnerError('BAD_REQUEST', 'The candidate is not the line of an ICE candidate.');
  }
  return match;
}

/**
 * Validates an ICE candidate line.
 * @param line with or without `a=`
 * @returns the line without `a=`
 * @throws {RunnerError} `BAD_REQUEST` for a malformed candidate
 */
export const checkCandidate = (line: string): string => matchCandidate(line)[1]!;

/**
 * Validates an ICE candidate line, as {@link checkCandidate} does.
 * @returns `undefined` for a well-formed candidate that cannot be used: TCP, or an mDNS name instead of an address
 * @throws {RunnerError} `BAD_REQUEST` for a malformed candidate
 */
export function usableCandidate(line: string): string | undefined {
  const [, candidate, transport, address] = matchCandidate(line);
  return transport!.toLowerCase() === 'udp' && isIP(address!) !== 0 ? candidate : undefined;
}

/** Returns the ICE username fragment of a candidate, if present. */
export const ufragOf = (candidate: string): string | undefined =>
  / ufrag (\S+)/.exec(candidate)?.[1];

function completeAnswer(answer: string, sections: readonly Section[]): string {
  const [head, ...bodies] = answer.split(/\r\n(?=m=)/);
  const all = sections.map(({ kind, protocol, formats, mid, usable }) =>
    usable
      ? bodies.shift()!.trimEnd()
      : [
          `m=${kind} 0 ${protocol} ${formats.join(' ')}`,
          'c=IN IP4 0.0.0.0',
          'a=inactive',
          `a=mid:${mid}`,
        ].join('\r\n'),
  );
  return `${[head, ...all].join('\r\n')}\r\n`;
}

/**
 * Reduces an answer to the subset that an ESP32 can parse: one fingerprint algorithm, and the candidates of this host.
 * Pipecat's runner does the same with `--esp32` (`runner/utils.py`).
 */
export function forEsp32(answer: string, host: string): string {
  return linesOf(answer)
    .filter((line) => {
      if (line.startsWith('a=fingerprint:')) return line.startsWith('a=fingerprint:sha-256 ');
      if (line.startsWith('a=candidate:'))
        return line.split(' ')[4] === host && !line.includes('raddr');
      return true;
    })
    .concat('')
    .join('\r\n');
}

const linesOf = (text: string): string[] => text.split(/\r?\n/).filter((line) => line.length > 0);

/** Returns the value of an attribute of the section, or else of the session. */
function attribute(
  name: string,
  lines: readonly string[],
  session: readonly string[] = [],
): string | undefined {
  const prefix = `a=${name}:`;
  const line =
    lines.find((one) => one.startsWith(prefix)) ?? session.find((one) => one.startsWith(prefix));
  return line?.slice(prefix.length).trim();
}

const bad = (what: string): RunnerError =>
  new RunnerError('BAD_REQUEST', `The offer cannot be answered: ${what}.`);
