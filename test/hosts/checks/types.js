import { join } from 'node:path';
import { installed } from '../support/cache.js';

/** The `module` that goes with a `moduleResolution`. */
const MODULES = { node10: 'commonjs', node16: 'node16', nodenext: 'nodenext', bundler: 'esnext' };

/** Type-checks a file that imports all there is, and one line that must not pass. */
export async function checkTypes(app, combinations, { step }) {
  if (combinations.length > 0) app.copy('all-types.ts', 'types/all-types.ts');
  for (const { typescript, resolution, skipLibCheck } of combinations) {
    const title = `its types pass TypeScript ${typescript}, moduleResolution ${resolution}, skipLibCheck ${skipLibCheck}`;
    await step(title, async () => {
      const compiler = await installed(`typescript@${typescript}`);
      const config = `tsconfig.${typescript}.${resolution}.${skipLibCheck}.json`;
      app.write(
        config,
        JSON.stringify({
          compilerOptions: options(resolution, typescript, skipLibCheck),
          files: ['types/all-types.ts'],
        }),
      );
      await app.exec('node', [join(compiler, 'node_modules/typescript/bin/tsc'), '-p', config]);
    });
  }
}

const options = (resolution, typescript, skipLibCheck) => ({
  module: MODULES[resolution],
  moduleResolution: resolution,
  // TypeScript 6 takes it only so.
  ...(resolution === 'node10' && typescript.startsWith('6') && { ignoreDeprecations: '6.0' }),
  target: 'es2022',
  strict: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  esModuleInterop: true,
  types: ['node'],
  noEmit: true,
  skipLibCheck,
});
