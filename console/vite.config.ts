import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/**
 * Daily's SDK goes only to Daily's transport. The others and the kit import it as well, for what this page does not use: media
 * managers that it replaces, and a version number.
 */
const dailyForDailyOnly: Plugin = {
  name: 'daily-for-daily-only',
  enforce: 'pre',
  resolveId(source, importer) {
    if (source !== '@daily-co/daily-js' || importer?.includes('/daily-transport/')) return null;
    return here('src/no-daily.ts');
  },
};

export default defineConfig({
  root: here('.'),
  // Wherever a prefix or a proxy puts the page, its files are beside it.
  base: './',
  plugins: [dailyForDailyOnly],
  build: {
    outDir: here('../dist/console/page'),
    emptyOutDir: true,
    target: 'es2022',
    // The page's policy lets in no `data:`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1_000,
    // Of all packages whose code goes into the page.
    license: { fileName: 'licenses.md' },
    rolldownOptions: {
      // The kit is one file that imports more than this page needs, some of which writes styles into the page when it is loaded.
      treeshake: {
        moduleSideEffects: [{ test: /node_modules.*\.m?js$/, sideEffects: false }],
        manualPureFunctions: ['memo', 'forwardRef'],
      },
      // 'use client' means nothing here.
      checks: { moduleLevelDirective: false },
    },
  },
  worker: { format: 'es' },
});
