import { fieldOf } from '../../errors/thrown.js';
import type { RtviSession } from '../../rtvi/rtvi-session.js';
import type { SendText } from '../../rtvi/dto/send-text.dto.js';
import type { Realtime } from './realtime-module.js';

/** Passes the model's state and transcripts on to a Pipecat client, and the client's texts to the model. @returns a function that stops it */
export function tellClient(realtime: Realtime, rtvi: RtviSession): () => void {
  const transcript = (event: object, name = 'transcript'): string => {
    const text = fieldOf(event, name);
    return typeof text === 'string' ? text : '';
  };
  const told: Readonly<Record<string, (event: object) => unknown>> = {
    'input_audio_buffer.speech_started': () => rtvi.send('user-started-speaking'),
    'input_audio_buffer.speech_stopped': () => rtvi.send('user-stopped-speaking'),
    'conversation.item.input_audio_transcription.completed': (event) =>
      rtvi.send('user-transcription', {
        text: transcript(event),
        user_id: '',
        timestamp: new Date().toISOString(),
        final: true,
      }),
    'response.created': () => rtvi.send('bot-llm-started'),
    'response.output_audio_transcript.delta': (event) =>
      rtvi.send('bot-llm-text', { text: transcript(event, 'delta') }),
    'response.output_audio_transcript.done': (event) =>
      rtvi.send('bot-output', { text: transcript(event), output_type: 'sentence' }),
    'response.done': () => rtvi.send('bot-llm-stopped'),
  };
  const listeners = {
    transport_event: (event: { type: string }) => told[event.type]?.(event),
    audio_start: () => rtvi.send('bot-started-speaking'),
    audio_stopped: () => rtvi.send('bot-stopped-speaking'),
  };
  const type = ({ content, options }: SendText): void => {
    if (options.run_immediately) realtime.interrupt();
    realtime.sendMessage(content);
  };
  for (const [event, listener] of Object.entries(listeners)) realtime.on(event, listener);
  rtvi.on('send-text', type);
  return () => {
    for (const [event, listener] of Object.entries(listeners)) realtime.off(event, listener);
    rtvi.off('send-text', type);
  };
}
