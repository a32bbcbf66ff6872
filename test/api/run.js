// Asks the standalone runner everything its OpenAPI document allows, and much that it does not, with Schemathesis: no answer may be a 5xx, or
// one that the document does not have. Needs python3 with pip; `npm run test:api -- --seed 7` tries other requests.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const SCHEMATHESIS = '4.32.5';

/**
 * All checks but three: Fastify answers 404, not 405, to methods it does not know; what is allowed in itself may be refused for what it
 * refers to; and a session that was stopped is still shown, as ended. What is no JSON counts as empty where the published clients need it.
 */
const CONFIG = `
[checks]
unsupported_method.enabled = false
positive_data_acceptance.enabled = false
use_after_free.enabled = false

[[operations]]
include-name = "POST /start"
checks.negative_data_rejection.enabled = false
`;

const schemathesis = install();
const folder = mkdtempSync(join(tmpdir(), 'api-'));
writeFileSync(join(folder, 'schemathesis.toml'), CONFIG);
const daily = await startDaily();
const runner = await startRunner();
try {
  const client = spawn(
    schemathesis,
    [
      ...['run', `${runner.url}/openapi.json`, '--url', runner.url],
      ...['--max-examples', '150', '--max-redirects', '0'],
      ...['--seed', '1', '--no-color', ...process.argv.slice(2)],
    ],
    { cwd: folder, stdio: 'inherit' },
  );
  const [code] = await once(client, 'exit');
  process.exitCode = code ?? 1;
  const { status: alive } = await fetch(`${runner.url}/livez`);
  if (alive !== 200) throw new Error(`the runner answers ${alive} afterwards`);
} finally {
  runner.child.kill('SIGTERM');
  await once(runner.child, 'exit');
  daily.close();
  rmSync(folder, { recursive: true });
}

/** @returns the program, in a virtual environment of its own */
function install() {
  const place = join('node_modules', '.cache', `schemathesis-${SCHEMATHESIS}`);
  const program = join(process.cwd(), place, 'bin', 'schemathesis');
  if (!existsSync(program)) {
    execFileSync('python3', ['-m', 'venv', place]);
    const pip = join(place, 'bin', 'pip');
    execFileSync(pip, ['install', '--quiet', `schemathesis==${SCHEMATHESIS}`], {
      stdio: 'inherit',
    });
  }
  return program;
}

/** A Daily that makes whatever room it is asked for. */
async function startDaily() {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ name: 'r', url: 'https://example.daily.co/r', token: 't' }));
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

async function startRunner() {
  // It ends at once: who would talk to it?
  writeFileSync(
    join(folder, 'bot.mjs'),
    'export default async (_args, session) => session.ready();',
  );
  const child = spawn(
    process.execPath,
    [
      join(process.cwd(), 'dist', 'main.js'),
      ...['--host', '127.0.0.1', '--port', '0', '--bot', 'bot.mjs', '-u', 'uploads'],
    ],
    {
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        DAILY_API_KEY: 'key',
        DAILY_API_URL: `http://127.0.0.1:${daily.address().port}`,
        LIVEKIT_URL: 'ws://127.0.0.1:1',
        LIVEKIT_API_KEY: 'key',
        LIVEKIT_API_SECRET: 'a-secret-of-at-least-thirty-two-characters',
        TELNYX_PUBLIC_KEY: `${'A'.repeat(43)}=`,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  for await (const line of createInterface(child.stdout)) {
    const url = /^ +URL +(\S+)/.exec(line)?.[1];
    if (!url) continue;
    child.stdout.resume();
    return { child, url };
  }
  throw new Error('the runner did not start');
}
