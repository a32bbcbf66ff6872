import type { MarkOutcome, MediaTransport } from 'nestjs-pipecat-runner/bot';

const RATE_HZ = 8_000;
/** The length of a letter, in samples: 60 ms. */
const SAMPLES_PER_LETTER = 480;

/**
 * Stands where your text-to-speech service would: a tone as long as the text.
 * @returns once it was heard: `played`, or `disconnected` when the caller hung up in the middle of it
 */
export async function say(transport: MediaTransport, text: string): Promise<MarkOutcome> {
  const pcm = Int16Array.from({ length: text.length * SAMPLES_PER_LETTER }, (_, i) =>
    Math.round(8_000 * Math.sin((2 * Math.PI * 440 * i) / RATE_HZ)),
  );
  void transport.sendAudio({ pcm, sampleRateHz: RATE_HZ });
  return (await transport.mark('said')).outcome;
}
