// Compares what Pipecat and its clients promise with the committed record, so that a change of theirs is seen before users see it.
// `npm run check:pipecat` installs the newest versions and exits with 1 on drift; with `--pinned` those that this package is tested
// with; with `--update` it writes the record, whose diff is then reviewed.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { PIPECAT_VERSION, TEST_CACHE } from '../test/support/build-pipecat.js';

const CLIENTS = [
  'client-js',
  'small-webrtc-transport',
  'websocket-transport',
  'daily-transport',
  'moq-transport',
].map((name) => `@pipecat-ai/${name}`);
/** Enumerations of client-js whose values are spoken to bots, or are events of applications. */
const ENUMS = { RTVIMessageType: 'client messages', RTVIEvent: 'client events' };

const { values: flags } = parseArgs({
  options: {
    pinned: { type: 'boolean' },
    update: { type: 'boolean' },
    record: { type: 'string', default: 'test/pipecat-record.json' },
  },
});
if (flags.pinned && flags.update) fail('--update records the newest versions, --pinned none');

const folder = join(TEST_CACHE, 'check');
const python = installPython(flags.pinned ? PIPECAT_VERSION : undefined);
const modules = flags.pinned ? 'node_modules' : installClients();
const current = {
  versions: { 'pipecat-ai': python.version, ...clientVersions(modules) },
  facts: { ...pythonFacts(python.folder), ...clientFacts(modules) },
};

if (flags.update) {
  const style = { ...(await resolveConfig(flags.record)), filepath: flags.record };
  writeFileSync(flags.record, await format(JSON.stringify(current), style));
  console.log(`${flags.record} has ${versionsText(current)} now: review its diff`);
} else {
  const recorded = JSON.parse(readFileSync(flags.record, 'utf8'));
  const lines = differences(recorded.facts, current.facts);
  console.log(`Recorded: ${versionsText(recorded)}\nCompared: ${versionsText(current)}`);
  console.log(lines.length > 0 ? lines.join('\n') : 'Nothing is new, and nothing is gone.');
  process.exitCode = lines.length > 0 ? 1 : 0;
}

/** @returns a line for each fact that only one side has */
function differences(before, after) {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort().flatMap((kind) => {
    const [old, now] = [before[kind] ?? {}, after[kind] ?? {}];
    const only = (these, those, word) =>
      Object.keys(these)
        .filter((fact) => !Object.hasOwn(those, fact))
        .map((fact) => `${word}  ${kind}: ${fact}  (${these[fact]})`);
    return [...only(now, old, 'new '), ...only(old, now, 'gone')];
  });
}

/** Installs the package without what it needs: its sources are read, never run. */
function installPython(version) {
  const target = join(folder, version ?? 'newest');
  // The newest may be another one by now.
  if (version === undefined) rmSync(target, { recursive: true, force: true });
  if (!existsSync(target)) {
    const wanted = version === undefined ? 'pipecat-ai' : `pipecat-ai==${version}`;
    const quiet = ['--quiet', '--disable-pip-version-check', '--no-deps'];
    run('python3', ['-m', 'pip', 'install', ...quiet, '--target', target, wanted]);
  }
  const info = readdirSync(target).find((name) => /^pipecat_ai-.*\.dist-info$/.test(name));
  if (!info) fail(`There is no pipecat-ai in ${target}: remove it, and try again`);
  return { folder: join(target, 'pipecat'), version: /-(.*)\.dist-info/.exec(info)[1] };
}

function installClients() {
  const target = join(folder, 'clients');
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, 'package.json'), '{ "private": true }');
  const latest = CLIENTS.map((name) => `${name}@latest`);
  const quiet = ['--silent', '--ignore-scripts', '--no-audit', '--no-fund'];
  run('npm', ['install', '--prefix', target, ...quiet, ...latest]);
  return join(target, 'node_modules');
}

function pythonFacts(packageFolder) {
  const output = execFileSync('python3', ['scripts/pipecat-facts.py', packageFolder]);
  return JSON.parse(output.toString());
}

function clientVersions(modules) {
  const versionOf = (name) =>
    JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')).version;
  return Object.fromEntries(CLIENTS.map((name) => [name, versionOf(name)]));
}

/** The enumerations of client-js, and the classes that each package exports, from the declarations. */
function clientFacts(modules) {
  const facts = { 'client classes': {} };
  for (const name of CLIENTS) {
    const file = join(modules, name, 'dist/index.d.ts');
    let enumeration;
    for (const [i, line] of readFileSync(file, 'utf8').split('\n').entries()) {
      const at = `${relative(modules, file)}:${i + 1}`;
      const cls = /^export (?:abstract )?class (\w+)/.exec(line)?.[1];
      if (cls) facts['client classes'][`${name} ${cls}`] = at;
      enumeration =
        /^export enum (\w+)/.exec(line)?.[1] ?? (line === '}' ? undefined : enumeration);
      const value = /^\s+\w+ = "([^"]+)"/.exec(line)?.[1];
      if (value && ENUMS[enumeration]) (facts[ENUMS[enumeration]] ??= {})[value] = at;
    }
  }
  for (const kind of Object.values(ENUMS)) {
    if (!facts[kind]) fail(`There are no ${kind} in client-js: its declarations have changed`);
  }
  return facts;
}

function versionsText({ versions }) {
  return Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');
}

function run(program, args) {
  try {
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 300_000 });
  } catch (error) {
    fail(`${program} ${args.join(' ')}: ${String(error.stderr ?? error.message).trim()}`);
  }
}

function fail(message) {
  console.error(message);
  process.exit(2);
}
