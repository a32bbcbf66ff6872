// The bot of the soak, in the runner's process and in one of its own: says back what it hears, and ends as its `body` says.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTransport } from 'nestjs-pipecat-runner/bot';

/** Ends by the bot, by `body.end`. The others are up to the caller. */
const ENDS = {
  'the bot returns': async () => undefined,
  'the bot throws': async () => {
    throw new Error('told to');
  },
  'the bot hangs up': (transport) => transport.hangUp(),
};

export default async function bot(args, session) {
  const { end, talkMs = 0 } = args.body;
  // Nobody can join a room of Daily, and there is nothing to hear in one.
  if (args.room_url !== undefined && args.room_name === undefined) {
    session.ready();
    return session.signal.aborted || once(session.signal, 'abort');
  }
  const transport = await createTransport(args);
  session.ready();
  let hear;
  const hearing = new Promise((resolve) => (hear = resolve));
  const echo = (async () => {
    for await (const frame of transport.audioIn()) {
      hear();
      void transport.sendAudio(frame);
    }
  })();
  if (ENDS[end] === undefined) return echo;
  // A bot that ends before its client is connected is another matter.
  await Promise.race([hearing, echo]);
  await sleep(talkMs);
  await ENDS[end](transport);
  if (end === 'the bot hangs up') await echo;
}
