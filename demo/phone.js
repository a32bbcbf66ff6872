// A bot at a SIP address of this machine: runner, bot and phone bridge. With --call a softphone calls it.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BARESIP, Baresip } from '../test/support/baresip.js';
import { buildPhoneBridge } from '../test/support/build-phone-bridge.js';
import { PhoneBridge } from '../test/support/phone-bridge.js';
import { startRunner } from './runner.js';
import { likeness, RECORDING, recordedSpeech } from './sound.js';

const { values: flags } = parseArgs({
  options: {
    call: { type: 'boolean', default: false },
    port: { type: 'string', default: '5070' },
    bot: {
      type: 'string',
      default: fileURLToPath(new URL('phone-bot.js', import.meta.url)),
    },
  },
});
const missing =
  buildPhoneBridge() ??
  (flags.call && !BARESIP
    ? 'baresip is not installed: apt-get install --no-install-recommends baresip-core'
    : undefined);
if (missing) {
  console.error(missing);
  process.exit(1);
}

const stopped = Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)));
const runner = await startRunner('--transport', 'twilio', '--bot', flags.bot);
let bridge;
try {
  bridge = await PhoneBridge.start({ webhook: `${runner.url}/`, sip: `127.0.0.1:${flags.port}` });
  const address = `sip:bot@${bridge.sip}`;
  if (flags.call) await call(address);
  else {
    console.log(`\nCall ${address} with a softphone on this machine. Ctrl-C ends it.\n`);
    await stopped;
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await bridge?.stop();
  await runner.stop();
}

/** Speaks to the bot, and hangs up by its key. */
async function call(address) {
  const phone = await Baresip.start({ recording: RECORDING });
  try {
    console.log(`Calling ${address} …`);
    await phone.call(address);
    console.log('The bot has answered. The phone speaks for five seconds, and presses #.');
    await sleep(5_000);
    await phone.press('#');
    await phone.next('CALL_CLOSED');
    const { by } = await bridge.next('ended');
    const heard = await phone.heard();
    const alike = likeness(recordedSpeech().subarray(0, 4 * 8_000), heard);
    console.table({
      [address]: {
        'heard from the bot': `${(heard.length / 8_000).toFixed(1)} s`,
        likeness: Number(alike.toFixed(3)),
        'hung up by': by,
      },
    });
    // A busy machine may lose a moment.
    if (alike < 0.7 || by !== 'bot') process.exitCode = 1;
  } finally {
    await phone.stop();
  }
}
