import 'reflect-metadata';
import { createRequire } from 'node:module';
import { loadBot } from '../../bot/load-bot.js';
import { logTo } from '../../errors/runner-logger.js';
import { optionalPackage } from '../../packages.js';
import { Channel } from './channel.js';
import { ChannelLogger } from './channel-logger.js';
import { converse, failure } from './converse.js';
import { endWithRunner } from './end-with-runner.js';

/** Packages loaded by a bot with Nest's logger. Nest 12 has ECMAScript modules, which cannot be listed. */
const OF_NEST = /[\\/]node_modules[\\/](@nestjs[\\/]common|rxjs)[\\/]/;

/** Entry point of a bot process: `node bot-host.js <module>`. */
async function main(file: string, channel: Channel): Promise<void> {
  logTo((context) => new ChannelLogger(channel, context));
  const started = channel.next('start');
  const loaded = await loadBot(file);
  const bot = typeof loaded === 'function' ? new loaded() : loaded;
  await takeOverNestLogger(channel);
  void channel.send({ type: 'loaded' });
  await converse(bot, await started, channel);
}

/** Redirects Nest's logger, only if the bot has loaded Nest: loading it takes most of the time and memory. */
async function takeOverNestLogger(channel: Channel): Promise<void> {
  if (!Object.keys(createRequire(import.meta.url).cache).some((file) => OF_NEST.test(file))) return;
  const nest = await optionalPackage('@nestjs/common', () => import('@nestjs/common'));
  nest?.Logger.overrideLogger(new ChannelLogger(channel));
}

endWithRunner();
const channel = new Channel();
await main(process.argv[2]!, channel).catch((thrown: unknown) => channel.send(failure(thrown)));
// Timers and connections of the bot must not keep the process alive.
process.exit(0);
