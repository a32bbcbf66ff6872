import { build } from 'vite';

// Writes the bundled script out. In a process of its own: Vite's native parts do not work inside Jest.
const { output } = await build({
  configFile: false,
  logLevel: 'error',
  build: {
    write: false,
    minify: false,
    rolldownOptions: { input: 'test/browser/client.ts', output: { format: 'iife' } },
  },
});
process.stdout.write(output[0].code);
