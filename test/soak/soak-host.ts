import type { ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import type { SessionEndCode } from '../../src/bot/session-end.js';
import type { Census } from '../faults/fault-host.js';
import { spawnHost } from '../support/spawn-host.js';
import type { Sample } from './verdict.js';

/** Options of a {@link SoakHost}. */
export interface SoakSettings {
  /** Folder of uploads. */
  readonly uploads: string;
  readonly credentials: object;
  readonly daily: object;
  readonly livekit?: object;
  /** Has runners whose bots have processes of their own. */
  readonly processes: boolean;
  /** Program of Python bots. */
  readonly python?: object;
}

type Message =
  | { readonly ended: { readonly tag: string; readonly code: SessionEndCode } }
  | { readonly answer: unknown };

/** Longest wait for the end of a session, in milliseconds. WebRTC whose goodbye is lost is missed by ICE after half a minute. */
const END_TIMEOUT_MS = 45_000;

/** The runners under test, in a process of their own. */
export class SoakHost {
  /** Its exit code, or the signal that killed it. */
  readonly exit: Promise<number | string>;
  private readonly ends = new Map<string, SessionEndCode[]>();
  private readonly excused = new Set<string>();
  private readonly news = new EventEmitter<{ ended: [tag: string]; answer: [unknown] }>();

  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {
    this.news.setMaxListeners(0);
    this.exit = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string);
    child.on('message', (message: Message) => {
      if ('answer' in message) return void this.news.emit('answer', message.answer);
      const { tag, code } = message.ended;
      this.ends.set(tag, [...(this.ends.get(tag) ?? []), code]);
      this.news.emit('ended', tag);
    });
  }

  static async start(settings: SoakSettings): Promise<SoakHost> {
    const { child, port } = await spawnHost(new URL('host.js', import.meta.url), settings);
    return new SoakHost(child, `http://127.0.0.1:${port}`);
  }

  /** Resolves with the end codes of a session's tag, once there is one, and forgets them. */
  async endsOf(tag: string): Promise<SessionEndCode[]> {
    const late = AbortSignal.timeout(END_TIMEOUT_MS);
    while (!this.ends.has(tag)) {
      await once(this.news, 'ended', { signal: late }).catch(() => {
        throw new Error('its session did not end');
      });
    }
    const codes = this.ends.get(tag)!;
    this.ends.delete(tag);
    return codes;
  }

  /** Takes whatever end of a session whose call has failed. */
  excuse(tag: string): void {
    this.excused.add(tag);
  }

  /** Ends that nobody has asked for: of sessions that ended twice, or that should not be. */
  get unexpected(): readonly string[] {
    const wrong = [...this.ends].filter(([tag]) => !this.excused.has(tag));
    return wrong.map(([tag, codes]) => `${tag}: ended [${codes.join(', ')}]`);
  }

  sample(): Promise<Omit<Sample, 'second' | 'rest'>> {
    return this.ask('sample') as Promise<Omit<Sample, 'second' | 'rest'>>;
  }

  /** Writes a heap snapshot to a file. */
  snapshot(file: string): Promise<unknown> {
    return this.ask('snapshot', file);
  }

  census(): Promise<Census> {
    return this.ask('census') as Promise<Census>;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  private async ask(question: string, argument?: string): Promise<unknown> {
    this.child.send([question, argument]);
    const gone = this.exit.then((how) => {
      throw new Error(`the runner of the soak has ended: ${how}`);
    });
    gone.catch(() => undefined);
    const [answer] = (await Promise.race([once(this.news, 'answer'), gone])) as unknown[];
    return answer;
  }
}
