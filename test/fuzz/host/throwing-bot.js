// Throws what breaks code that looks at it, where a bot may throw.
import { once } from 'node:events';
import { THROWABLES } from '../../faults/throwables.js';

const KINDS = Object.values(THROWABLES);

const PLACES = {
  launch: (_args, _session, fail) => fail(),
  ready: (_args, session, fail) => {
    session.ready();
    return fail();
  },
  socket: ({ websocket }, _session, fail) => websocket.on('message', fail),
  signal: (_args, { signal }, fail) => signal.addEventListener('abort', fail),
  cleanup: (_args, session, fail) => session.onEnd(fail),
  request: (_args, session, fail) => session.onRequest(fail),
};

/** Its `body`: the `place`, the `kind` as a number, and whether it is thrown or rejected with. */
export async function throwingBot(args, session, createTransport) {
  const { place, kind, isRejected } = args.body;
  const fail = isRejected
    ? () => Promise.reject(KINDS[kind % KINDS.length]())
    : () => {
        throw KINDS[kind % KINDS.length]();
      };
  if (place === 'message') {
    const transport = await createTransport(args);
    transport.on('message', fail);
  } else await PLACES[place](args, session, fail);
  session.ready();
  if (!session.signal.aborted) await once(session.signal, 'abort');
}
