import 'reflect-metadata';
import { createRequire } from 'node:module';
import { loadBot } from '../../bot/load-bot.js';
import { logTo } from '../../errors/runner-logger.js';
import { optionalPackage } from '../../packages/optional-package.js';
import type { BotMessage } from '../bot-messages.js';
import { Channel } from './channel.js';
import { ChannelLogger } from './channel-logger.js';
import { converse, failure } from './converse.js';
import { endWithRunner } from './end-with-runner.js';

/** Packages that a bot with Nest's logger has loaded. Nest 12 itself is of ECMAScript modules, of which there is no list. */
const OF_NEST = /[\\/]node_modules[\\/](@nestjs[\\/]common|rxjs)[\\/]/;

/** The program of a process that has one bot, for one conversation: `node bot-host.js <module>`. */
async function main(file: string, channel: Channel): Promise<BotMessage> {
  logTo((context) => new ChannelLogger(channel, context));
  const started = channel.next('start');
  const loaded = await loadBot(file);
  const bot = typeof loaded === 'function' ? new loaded() : loaded;
  await takeOverNestLogger(channel);
  void channel.send({ type: 'loaded' });
  return converse(bot, await started, channel);
}

/** Nest is loaded only where the bot has loaded it: it takes more time and memory than all the rest. */
async function takeOverNestLogger(channel: Channel): Promise<void> {
  if (!Object.keys(createRequire(import.meta.url).cache).some((file) => OF_NEST.test(file))) return;
  const nest = await optionalPackage('@nestjs/common', () => import('@nestjs/common'));
  nest?.Logger.overrideLogger(new ChannelLogger(channel));
}

endWithRunner();
const channel = new Channel();
await channel.send(await main(process.argv[2]!, channel).catch(failure));
// Timers and connections that the bot has left must not hold the process.
process.exit(0);
