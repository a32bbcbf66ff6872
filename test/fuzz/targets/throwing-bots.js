import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { WebSocket } from 'ws';
import { endOf, start } from '../support/start.js';

/** Time for a bot to throw before its client leaves, in milliseconds. */
const STAY_MS = 100;

/** Bots in the runner's own process that throw what breaks code that looks at it. */
export default {
  name: 'throwing-bots',
  parsers: ['errors/thrown.js'],

  async open(world) {
    return {
      input: fc.record({
        place: fc.constantFrom(
          ...['launch', 'ready', 'message', 'socket', 'signal', 'cleanup', 'request'],
        ),
        kind: fc.nat({ max: 60 }),
        isRejected: fc.boolean(),
      }),
      async send(body) {
        const { sessionId, wsUrl } = await start(world, 'websocket', { bot: 'throwing', ...body });
        const socket = new WebSocket(wsUrl);
        socket.on('error', () => undefined).on('open', () => socket.send('{}'));
        await sleep(STAY_MS);
        if (body.place === 'request') {
          const signal = AbortSignal.timeout(10_000);
          const { status } = await fetch(`${world.url}/sessions/${sessionId}/x`, { signal });
          if (status < 400) world.report('answer', `${status} for a bot that threw`);
        }
        socket.close();
        // An error at the end belongs to this input, too.
        await endOf(world, sessionId);
      },
      async close() {},
    };
  },
};
