// Assembles polyphase.wat into polyphase.ts: `node src/media/resampler/build-polyphase.js`.
import { readFileSync, writeFileSync } from 'node:fs';
import initWabt from 'wabt';

/** The text of polyphase.ts. */
export async function polyphaseSource() {
  const wabt = await initWabt();
  const wat = readFileSync(new URL('polyphase.wat', import.meta.url), 'utf8');
  const { buffer } = wabt.parseWat('polyphase.wat', wat, { simd: true }).toBinary({});
  const base64 = Buffer.from(buffer).toString('base64');
  return (
    '/** polyphase.wat, assembled; do not edit. */\n' +
    `export const POLYPHASE_WASM =\n  '${base64}';\n`
  );
}

if (process.argv[1]?.endsWith('build-polyphase.js')) {
  writeFileSync(new URL('polyphase.ts', import.meta.url), await polyphaseSource());
}
