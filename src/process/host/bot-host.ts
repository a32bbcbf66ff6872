import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { loadBot } from '../../bot/load-bot.js';
import type { BotMessage } from '../bot-messages.js';
import { Channel } from './channel.js';
import { ChannelLogger } from './channel-logger.js';
import { converse, failure } from './converse.js';
import { endWithRunner } from './end-with-runner.js';

/** The program of a process that has one bot, for one conversation: `node bot-host.js <module>`. */
async function main(file: string, channel: Channel): Promise<BotMessage> {
  Logger.overrideLogger(new ChannelLogger(channel));
  const started = channel.next('start');
  const loaded = await loadBot(file);
  const bot = typeof loaded === 'function' ? new loaded() : loaded;
  void channel.send({ type: 'loaded' });
  return converse(bot, await started, channel);
}

endWithRunner();
const channel = new Channel();
await channel.send(await main(process.argv[2]!, channel).catch(failure));
// Timers and connections that the bot has left must not hold the process.
process.exit(0);
