import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wavOf } from './sound.js';
import { joined } from './spoken.js';

/** Recording for the microphone of a browser, in a folder of its own. */
export class Microphone {
  private constructor(private readonly folder: string) {}

  /** Records sounds, one after the other. */
  static async of(rateHz: number, ...sounds: Int16Array[]): Promise<Microphone> {
    const microphone = new Microphone(await mkdtemp(join(tmpdir(), 'microphone-')));
    await writeFile(microphone.path, wavOf(joined(...sounds), rateHz));
    return microphone;
  }

  get path(): string {
    return join(this.folder, 'recording.wav');
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }
}
