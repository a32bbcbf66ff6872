import { describe, expect, it } from '@jest/globals';
import { SmallWebRTCRunnerArguments } from '../transports/small-webrtc/dto/small-webrtc-runner-arguments.dto.js';
import { ProcessBotLauncher } from './process-bot-launcher.js';
import { type ProcessBotOptions, resolveProcessBotOptions } from './process-bot.options.js';

const bot = { module: 'package.json' };

describe('ProcessBotOptions', () => {
  it('have defaults', () => {
    expect(resolveProcessBotOptions({ ...bot, stopGraceMs: undefined })).toEqual({
      ...bot,
      warmProcesses: 0,
      warmMemoryLimitBytes: Infinity,
      memoryLimitBytes: Infinity,
      startTimeoutMs: 30_000,
      stopGraceMs: 3_000,
      killGraceMs: 1_000,
      outputLinesPerSecond: 500,
      outputBytesPerSecond: 1_048_576,
    });
  });

  it.each<[object, RegExp]>([
    [{}, /exactly one of command, module, python must say what to run/],
    [{ ...bot, command: 'x' }, /exactly one of command, module, python must say what to run/],
    [{ module: 'no-such.js' }, /module must be a file; there is no no-such\.js/],
    [{ python: '' }, /python must be a string that is not empty/],
    [{ ...bot, args: ['a', 1] }, /args must be a list of strings/],
    [{ ...bot, botArgs: '--language de' }, /botArgs must be a list of strings/],
    [{ ...bot, env: [] }, /env must be an object/],
    [{ ...bot, cwd: 7 }, /cwd must be a string/],
    [{ ...bot, warmProcesses: -1 }, /warmProcesses must be a whole number of at least 0/],
    [{ ...bot, memoryLimitBytes: 0 }, /memoryLimitBytes must be a whole number of at least 1/],
    [
      { ...bot, outputLinesPerSecond: 0 },
      /outputLinesPerSecond must be a whole number of at least 1/,
    ],
    [{ ...bot, outputBytesPerSecond: 1.5 }, /outputBytesPerSecond must be a whole number/],
    [{ ...bot, stopGraceMs: 2 ** 31 }, /stopGraceMs must be a whole number/],
    [{ ...bot, warm: 1 }, /warm is not an option; there are command, module, python/],
  ])('refuse %j', (options, message) => {
    expect(() => new ProcessBotLauncher(options as ProcessBotOptions)).toThrow(message);
  });
});

describe('ProcessBotLauncher', () => {
  it('takes no arguments that cannot travel', async () => {
    const launcher = new ProcessBotLauncher(bot);
    const args = new SmallWebRTCRunnerArguments({ webrtc_connection: {} as never });
    await expect(launcher.launch(args, {} as never)).rejects.toThrow(
      "SmallWebRTCRunnerArguments: its webrtc_connection cannot travel to the process of a bot: use a launcher that runs in the runner's own.",
    );
  });
});
