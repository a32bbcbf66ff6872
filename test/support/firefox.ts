import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, watch } from 'node:fs';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer, { type Browser } from 'puppeteer-core';
import { TOOLS } from './tools.js';

/** Frequency of the tone in its microphone, in Hz. */
export const FIREFOX_TONE_HZ = 1_000;

/**
 * Firefox, with a microphone that hears a tone and that every page may have, and loudspeakers that nobody hears: without a sound server it
 * plays nothing, not even to itself.
 */
export class Firefox {
  private constructor(
    readonly browser: Browser,
    private readonly sound: ChildProcess,
    private readonly folder: string,
  ) {}

  static async launch(): Promise<Firefox> {
    const folder = await mkdtemp(join(tmpdir(), 'firefox-'));
    const socket = join(folder, 'pulse');
    const sound = spawn(
      TOOLS.pulseaudio.find()!,
      [
        ...['-n', '--daemonize=no', '--use-pid-file=no', '--exit-idle-time=-1'],
        '--load=module-null-sink',
        `--load=module-native-protocol-unix socket=${socket} auth-anonymous=1`,
      ],
      { env: { ...process.env, HOME: folder, PULSE_RUNTIME_PATH: folder }, stdio: 'ignore' },
    );
    const watcher = watch(folder);
    while (!existsSync(socket)) {
      if (sound.exitCode !== null) throw new Error('pulseaudio ended');
      await Promise.race([once(watcher, 'change'), once(sound, 'exit')]);
    }
    watcher.close();
    const browser = await puppeteer.launch({
      browser: 'firefox',
      executablePath: TOOLS['firefox-esr'].find()!,
      headless: true,
      env: { ...process.env, PULSE_SERVER: `unix:${socket}` },
      extraPrefsFirefox: {
        'media.navigator.streams.fake': true,
        'media.navigator.permission.disabled': true,
        'media.autoplay.default': 0,
        'media.autoplay.blocking_policy': 0,
      },
    });
    return new Firefox(browser, sound, folder);
  }

  async close(): Promise<void> {
    await this.browser.close();
    this.sound.kill('SIGKILL');
    await once(this.sound, 'exit');
    await rm(this.folder, { recursive: true });
  }
}
