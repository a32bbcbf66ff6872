// Says back what it hears, in a process of its own.
import { once } from 'node:events';

const { createTransport } = await import(`file://${process.env.DIST}/bot.js`);

export default async function bot(args, session) {
  const transport = await createTransport(args);
  transport.on('audio', (frame) => void transport.sendAudio(frame));
  session.ready();
  await once(session.signal, 'abort');
}
