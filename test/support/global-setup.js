import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';

/** Some tests run the built package. Built here, once, and only when a source is newer than the last build. */
export default function build() {
  const built = statSync('dist/main.js', { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const stale = readdirSync('src', { recursive: true }).some(
    (file) => statSync(`src/${file}`).mtimeMs > built,
  );
  if (stale) execFileSync('npm', ['run', '-s', 'build'], { stdio: 'inherit' });
}
