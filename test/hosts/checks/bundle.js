import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { converse, expectAnswer } from '../support/probe.js';
import { startServer } from '../support/processes.js';
import { build } from './scaffold.js';

/** The configuration that the documentation gives. */
const CONFIG = /```js\n([^]*?)```/.exec(
  readFileSync(new URL('../../../docs/bundling.md', import.meta.url), 'utf8'),
)[1];

/** Bundles everything, and runs the bundle where there is no `node_modules`. */
export async function checkBundle(app, { step }) {
  const builder = app.isEsm ? 'rspack' : 'webpack';
  await step(`runs as one file of ${builder}, without node_modules`, async () => {
    const config = `${builder}.config.${app.isEsm ? 'cjs' : 'js'}`;
    app.write(config, CONFIG);
    await build(app, builder, `--${builder}Path`, config);
    const folder = mkdtempSync(join(tmpdir(), 'bundle-'));
    try {
      cpSync(join(app.cwd, 'dist'), folder, { recursive: true });
      symlinkSync(join(app.cwd, 'package.json'), join(folder, 'package.json'));
      const server = await startServer('main.js', { cwd: folder, env: app.env });
      try {
        await expectAnswer(`${server.url}/`, { body: 'Hello World!' });
        await converse(server.url);
      } finally {
        await server.stop();
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
