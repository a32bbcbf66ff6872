import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';

/** Every import of ours by ours, as [importing file, imported file], from `src`. */
const IMPORTS = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
  .flatMap((file) => {
    const source = readFileSync(join('src', file), 'utf8');
    return [...source.matchAll(/from '(\.[^']+)'/g)].map(
      ([, path]) => [file, relative('.', join(dirname(file), path!))] as const,
    );
  });

const below = (folder: string) => (file: string) => file.startsWith(`${folder}/`);

/** Each folder, and what it may import beside itself. */
const RULES: Record<string, string[]> = {
  errors: [],
  packages: ['errors'],
  compat: [],
  limits: [],
  validation: ['errors'],
  media: ['limits'],
  rtvi: ['errors', 'media', 'validation'],
  bot: ['errors', 'validation'],
  auth: ['errors', 'http', 'runner.options.js'],
  sessions: ['auth', 'bot', 'errors', 'http', 'media', 'validation', 'runner.options.js'],
  calls: [
    'auth',
    'errors',
    'sessions',
    'validation',
    'runner.options.js',
    // What a call's account is.
    'transports/telephony/telephony-credentials.js',
  ],
  http: ['compat', 'errors', 'limits', 'validation', 'runner.options.js', 'runner-ref.js'],
  websocket: [
    'auth',
    'bot',
    'compat',
    'errors',
    'http',
    'limits',
    'packages',
    'sessions',
    'validation',
    'runner.options.js',
    'runner-ref.js',
  ],
  runner: [
    'auth',
    'compat',
    'health',
    'http',
    'sessions',
    'validation',
    'websocket',
    'runner-ref.js',
    'transports/transport-registry.js',
  ],
  console: [
    'auth',
    'errors',
    'http',
    'packages',
    'transports/runner-transport.js',
    'transports/transport-registry.js',
  ],
  health: ['auth', 'bot', 'errors', 'http', 'sessions', 'transports/transport-registry.js'],
  metrics: [
    'runner-ref.js',
    'auth',
    'errors',
    'http',
    'packages',
    'sessions',
    'validation',
    'transports/transport-registry.js',
  ],
  tracing: ['bot', 'errors', 'packages', 'sessions', 'validation'],
  downloads: ['auth', 'errors', 'http', 'validation'],
  process: [
    'bot',
    'errors',
    'limits',
    'media',
    'packages',
    'sessions',
    'websocket',
    'validation',
    // For its classes of arguments.
    'transports/index.js',
  ],
  openapi: [
    'auth',
    'errors',
    'http',
    'packages',
    'validation',
    'start/dto/start-request.dto.js',
    'runner-ref.js',
    'transports/transport-registry.js',
  ],
  start: [
    'auth',
    'bot',
    'errors',
    'http',
    'sessions',
    'validation',
    'runner.options.js',
    'transports/session-starter.js',
    'transports/transport-registry.js',
  ],
};

describe('who imports whom', () => {
  it('is what there is to check', () => expect(IMPORTS.length).toBeGreaterThan(100));

  it.each(Object.entries(RULES))('%s keeps to its neighbours', (folder, allowed) => {
    const strays = IMPORTS.filter(
      ([from, to]) =>
        below(folder)(from) &&
        !below(folder)(to) &&
        !allowed.some((one) => to === one || below(one)(to)),
    );
    expect(strays).toEqual([]);
  });

  it('no transport knows another, nor what stands above it', () => {
    const strays = IMPORTS.filter(([from, to]) => {
      const [, own] = /^transports\/([^/]+)\//.exec(from) ?? [];
      if (!own) return false;
      const [, other] = /^transports\/([^/]+)\//.exec(to) ?? [];
      // A WhatsApp call is WebRTC, in Meta's wrapping.
      if (own === 'whatsapp' && other === 'small-webrtc') return false;
      const above =
        below('start')(to) ||
        below('standalone')(to) ||
        /^(main|index|runner\.module)\.js$/.test(to);
      return above || (other !== undefined && other !== own);
    });
    expect(strays).toEqual([]);
  });

  it('only the command line reads the environment', () => {
    const readers = [...new Set(IMPORTS.map(([from]) => from))].filter((file) =>
      /process\.env\b(?!`)/.test(
        readFileSync(join('src', file), 'utf8').replace(/\/\*[^]*?\*\//g, ''),
      ),
    );
    expect(readers).toEqual(['main.ts']);
  });
});
