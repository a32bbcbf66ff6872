import { attempt } from '../../errors/attempt.js';
import type { SendText } from '../../rtvi/dto/send-text.dto.js';
import type { RtviSession } from '../../rtvi/rtvi-session.js';
import { TOO_MUCH_INPUT } from '../model-input.js';
import type { Realtime, RealtimeEvent } from './realtime-module.js';
import type { SpeechEvents } from './spoken-answers.js';

/** Tells a Pipecat client of the agent's speech. */
export const speechTeller = (rtvi: RtviSession | undefined): SpeechEvents => ({
  started: () => rtvi?.send('bot-started-speaking'),
  text: (text) => rtvi?.send('bot-llm-text', { text }),
  finished: (text, isInterrupted) => {
    if (isInterrupted) rtvi?.send('bot-interrupted');
    if (text !== '') rtvi?.send('bot-output', { text, output_type: 'sentence' });
  },
  stopped: () => rtvi?.send('bot-stopped-speaking'),
});

/**
 * Passes the user's speech and the model's state on to a Pipecat client, and the client's texts to the model.
 * @param takes returns false for a text that is refused, because too much input waits for the model; its size is in bytes
 * @param onFailure receives the error of a text that the model did not get
 * @returns a function that stops it
 */
export function tellClient(
  realtime: Realtime,
  rtvi: RtviSession,
  takes: (bytes: number) => boolean,
  onFailure: (thrown: unknown) => void,
): () => void {
  const told: Readonly<Record<string, (event: RealtimeEvent) => unknown>> = {
    'input_audio_buffer.speech_started': () => rtvi.send('user-started-speaking'),
    'input_audio_buffer.speech_stopped': () => rtvi.send('user-stopped-speaking'),
    'conversation.item.input_audio_transcription.completed': ({ transcript }) =>
      typeof transcript === 'string' &&
      rtvi.send('user-transcription', {
        text: transcript,
        user_id: '',
        timestamp: new Date().toISOString(),
        final: true,
      }),
    'response.created': () => rtvi.send('bot-llm-started'),
    'response.done': () => rtvi.send('bot-llm-stopped'),
  };
  const tell = (event: RealtimeEvent): void =>
    void (Object.hasOwn(told, event.type) && told[event.type]?.(event));
  const type = ({ content, options }: SendText, id: string): void => {
    if (!takes(Buffer.byteLength(content))) return rtvi.refuse(id, TOO_MUCH_INPUT);
    attempt(() => {
      if (options.run_immediately) realtime.interrupt();
      realtime.sendMessage(content);
    }, onFailure);
  };
  realtime.on('transport_event', tell);
  rtvi.on('send-text', type);
  return () => {
    realtime.off('transport_event', tell);
    rtvi.off('send-text', type);
  };
}
