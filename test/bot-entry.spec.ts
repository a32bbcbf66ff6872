import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { BotProcess } from '../src/process/bot-process.js';
import { resolveProcessBotOptions } from '../src/process/process-bot.options.js';
import { Lines } from './support/lines.js';

/** The files and packages that a source file loads, itself and through others; imports of types load nothing. */
function loadedBy(entry: string): { files: Set<string>; packages: Set<string> } {
  const [files, packages] = [new Set([entry]), new Set<string>()];
  for (const file of files) {
    const source = readFileSync(file, 'utf8');
    const imports = source.matchAll(
      /^(?:import|export) (?!type\b)(?:(?:\{([^}]*)\}|[^'"{}]*) from )?'([^']+)';$/gm,
    );
    for (const [, names, path] of imports) {
      if (names?.split(',').every((name) => /^\s*(type .*)?$/.test(name))) continue;
      if (path!.startsWith('.')) files.add(join(dirname(file), path!).replace(/\.js$/, '.ts'));
      else if (!path!.startsWith('node:')) packages.add(path!);
    }
  }
  return { files, packages };
}

describe('what bots load', () => {
  it.each(['src/bot.ts', 'src/process/host/bot-host.ts'])(
    'in %s has nothing of Nest behind it, so that a process of its own starts quickly',
    (entry) => {
      const { files, packages } = loadedBy(entry);
      expect(files.size).toBeGreaterThan(50);
      expect([...files].filter((file) => !existsSync(file))).toEqual([]);
      expect([...files].filter((file) => /\.(module|controller|gateway)\.ts$/.test(file))).toEqual(
        [],
      );
      expect([...packages].sort()).toEqual([
        '@bufbuild/protobuf/wire',
        'class-transformer',
        'class-validator',
        'reflect-metadata',
        'ws',
      ]);
    },
  );

  it("writes what a bot logs with Nest's logger in its own process into the log of the session", async () => {
    const lines = new Lines();
    const bot = new BotProcess(
      resolveProcessBotOptions({ module: 'test/support/bots/nest-bot.js' }),
    );
    bot.logger = lines;
    await bot.loaded;
    bot.send({
      type: 'start',
      session: { id: 'logging', transport: 'daily', claims: {} },
      args: { type: 'RunnerArguments' },
      handshake: [],
      canHangUp: false,
    });
    await bot.exited;
    expect(lines.all).toEqual(['warn [Greeter] hello from Nest', 'log hello from the session']);
  });
});
