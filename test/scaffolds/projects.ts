import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Way } from './visitors.js';

/** The Python with Pipecat and its services, which `run.js` sets. */
export const SCAFFOLDS_PYTHON = process.env.SCAFFOLDS_PYTHON!;

/** A bot to be run, and the transports it declares. */
export interface Bot {
  readonly name: string;
  readonly file: string;
  readonly ways: readonly Way[];
  /** Flags of the runner. */
  readonly flags?: readonly string[];
}

const CASCADE = ['-m', 'cascade', '--stt', 'deepgram_stt', '--tts', 'cartesia_tts', '--llm'];
const CHAT = [...CASCADE, 'openai_llm'];
const RESPONSES = [...CASCADE, 'openai_responses_llm'];
const REALTIME = ['-m', 'realtime', '--realtime', 'openai_realtime'];

const transports = (...names: string[]): string[] => names.flatMap((name) => ['-t', name]);

const WEB = transports('daily', 'livekit', 'smallwebrtc', 'websocket');
const CARRIERS = ['twilio', 'telnyx', 'plivo', 'exotel'] as const;
const WEB_WAYS: Way[] = ['websocket', 'webrtc', 'livekit', 'daily'];
/** The bots of these read their room from the body, which the `server.py` beside them sends to a runner with `-t daily`. */
const ROOM_OF_BODY = ['-t', 'daily'];

interface Project {
  readonly name: string;
  readonly args: readonly string[];
  readonly ways: readonly Way[];
  readonly flags?: readonly string[];
}

const PROJECTS: readonly Project[] = [
  // Without a name of its own: this is the whole command.
  { name: 'pipecat-quickstart', args: [], ways: ['webrtc', 'daily'] },
  { name: 'web-cascade', args: [...WEB, ...CHAT], ways: WEB_WAYS },
  { name: 'web-realtime', args: [...WEB, ...REALTIME], ways: WEB_WAYS },
  {
    name: 'web-features',
    args: [
      ...[...transports('smallwebrtc', 'websocket'), ...RESPONSES],
      ...['--recording', '--transcription', '--video-input', '--video-output', '--eval'],
    ],
    ways: ['websocket', 'webrtc'],
  },
  ...CARRIERS.map((carrier) => ({
    name: `${carrier}-cascade`,
    args: [...transports(carrier), ...CHAT],
    ways: [carrier],
  })),
  {
    name: 'telephony-cascade',
    args: [...transports(...CARRIERS, 'smallwebrtc'), ...RESPONSES],
    ways: [...CARRIERS, 'webrtc'],
  },
  {
    name: 'telephony-realtime',
    args: [...transports(...CARRIERS), ...REALTIME],
    ways: CARRIERS,
  },
  {
    name: 'daily-pstn-dialin',
    args: [...transports('daily_pstn_dialin'), ...CHAT],
    ways: ['daily dial-in'],
  },
  {
    name: 'daily-pstn-dialout',
    args: [...transports('daily_pstn_dialout'), ...CHAT],
    ways: ['daily dial-out'],
    flags: ROOM_OF_BODY,
  },
  {
    name: 'twilio-sip-dialin',
    args: [...transports('twilio_daily_sip_dialin'), ...CHAT],
    ways: ['twilio sip dial-in'],
    flags: ROOM_OF_BODY,
  },
  {
    name: 'twilio-sip-dialout',
    args: [...transports('twilio_daily_sip_dialout'), ...CHAT],
    ways: ['twilio sip dial-out'],
    flags: ROOM_OF_BODY,
  },
];

/** A choice in which each transport and each template is there once. */
const PAIRWISE: Readonly<Record<string, readonly Way[]>> = {
  'web-cascade': ['websocket', 'livekit'],
  'web-realtime': ['webrtc', 'daily'],
  'telephony-cascade': ['twilio', 'plivo'],
  'telephony-realtime': ['telnyx', 'exotel'],
  'daily-pstn-dialin': ['daily dial-in'],
};

/** Generates the projects in a folder that is removed with `remove`. */
export function generateProjects(pairwise: boolean): { bots: Bot[]; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'scaffolds-'));
  const chosen = PROJECTS.filter(({ name }) => !pairwise || name in PAIRWISE);
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const commands = chosen.map(({ name, args }) =>
    JSON.stringify(args.length > 0 ? [name, '--no-context-hub', ...args] : ['quickstart']),
  );
  execFileSync(SCAFFOLDS_PYTHON, [join(import.meta.dirname, 'python/generate.py')], {
    cwd: folder,
    input: `${commands.join('\n')}\n`,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  return {
    bots: chosen.map(({ name, ways, flags }) => ({
      name,
      file: join(folder, name, 'server', 'bot.py'),
      ways: (pairwise && PAIRWISE[name]) || ways,
      flags,
    })),
    remove,
  };
}
