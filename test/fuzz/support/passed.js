import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const CACHE = 'node_modules/.cache/fuzz';

/** Targets that have passed with this build and this suite, so that an interrupted run can go on. */
export class Passed {
  constructor() {
    const hash = createHash('sha256');
    for (const folder of ['dist', 'test/fuzz']) {
      for (const name of readdirSync(folder, { recursive: true }).sort()) {
        const path = join(folder, name);
        if (statSync(path).isFile()) hash.update(`${name}\n`).update(readFileSync(path));
      }
    }
    this.file = join(CACHE, `${hash.digest('hex').slice(0, 16)}.json`);
    this.secondsOf = existsSync(this.file) ? JSON.parse(readFileSync(this.file, 'utf8')) : {};
  }

  has(name, seconds) {
    return this.secondsOf[name] >= seconds;
  }

  add(name, seconds) {
    this.secondsOf[name] = Math.max(seconds, this.secondsOf[name] ?? 0);
    mkdirSync(CACHE, { recursive: true });
    writeFileSync(this.file, JSON.stringify(this.secondsOf));
  }
}
