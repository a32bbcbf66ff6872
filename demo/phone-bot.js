// A bot for the phone: beeps, says back what it hears, plays a speech at 1, and hangs up at #.
import { createTransport } from 'nestjs-pipecat-runner/bot';
import { recordedSpeech } from './sound.js';

const RATE_HZ = 8_000;
const beep = Int16Array.from({ length: RATE_HZ / 4 }, (_, i) =>
  Math.round(8_000 * Math.sin((2 * Math.PI * 880 * i) / RATE_HZ)),
);

export default async function bot(args, session) {
  const transport = await createTransport(args, { sampleRateHz: RATE_HZ });
  let isReciting = false;
  transport.on('dtmf', async (key) => {
    session.logger.log(`the caller has pressed ${key}`);
    if (key === '#') return transport.hangUp();
    // Any other key interrupts.
    transport.clear();
    isReciting = key === '1';
    if (!isReciting) return;
    void transport.sendAudio({ pcm: recordedSpeech(), sampleRateHz: RATE_HZ });
    if ((await transport.mark('speech')).outcome === 'played') isReciting = false;
  });
  session.ready();
  void transport.sendAudio({ pcm: beep, sampleRateHz: RATE_HZ });
  for await (const frame of transport.audioIn()) {
    if (!isReciting) void transport.sendAudio(frame);
  }
}
