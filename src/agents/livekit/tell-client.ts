import { attempt } from '../../errors/attempt.js';
import { textOfThrown } from '../../errors/thrown.js';
import type { SendText } from '../../rtvi/dto/send-text.dto.js';
import type { RtviSession } from '../../rtvi/rtvi-session.js';
import type { Engine } from './engine.js';
import { metricsOf } from './metrics-of.js';
import { UnansweredTexts } from './unanswered-texts.js';

interface StateChange {
  readonly oldState: string;
  readonly newState: string;
}

interface Transcription {
  readonly transcript: string;
  readonly isFinal: boolean;
  readonly speakerId?: string | null;
  readonly createdAt: number;
}

/** Teller of a Pipecat client about an agent. */
export interface ClientTeller {
  /** Tells a part of the answer's text. */
  text(part: string): void;
  /** Tells that speech has ended. @param heard its text that was heard, where it was interrupted */
  finished(heard: string | undefined): void;
  stop(): void;
}

/** Passes the agent's state and transcripts on to a Pipecat client, and the client's texts to the agent. @param warn logs the first that it does not take */
export function tellClient(
  engine: Engine<never>,
  rtvi: RtviSession,
  warn: (message: string) => void,
): ClientTeller {
  let answer = '';
  const listeners = {
    user_state_changed: ({ oldState, newState }: StateChange) => {
      if (newState === 'speaking') rtvi.send('user-started-speaking');
      else if (oldState === 'speaking') rtvi.send('user-stopped-speaking');
    },
    agent_state_changed: ({ oldState, newState }: StateChange) => {
      if (newState === 'thinking') rtvi.send('bot-llm-started');
      else if (oldState === 'thinking') rtvi.send('bot-llm-stopped');
      if (newState === 'speaking') rtvi.send('bot-started-speaking');
      else if (oldState === 'speaking') rtvi.send('bot-stopped-speaking');
    },
    user_input_transcribed: ({ transcript, isFinal, speakerId, createdAt }: Transcription) => {
      rtvi.send('user-transcription', {
        text: transcript,
        user_id: speakerId ?? '',
        timestamp: new Date(createdAt).toISOString(),
        final: isFinal,
      });
    },
    metrics_collected: ({ metrics }: { metrics: unknown }) => {
      const told = metricsOf(metrics);
      if (told) rtvi.send('metrics', told);
    },
  };
  const unanswered = new UnansweredTexts();
  let hasWarned = false;
  // The engine throws while it starts and while it closes; a client's text must not end the session.
  const type = ({ content, options: { run_immediately } }: SendText, id: string): void =>
    attempt(
      () => {
        const ended = unanswered.add(content, run_immediately, () => {
          if (run_immediately) engine.interrupt({ force: true });
          // Its speech is a promise of its end.
          return engine.generateReply({ userInput: content });
        });
        if (!ended) rtvi.refuse(id, 'Too many texts wait for their answer.');
        return ended;
      },
      (thrown) => {
        if (!hasWarned) warn(`the agent took no text: ${textOfThrown(thrown).text}`);
        hasWarned = true;
      },
    );
  for (const [event, listener] of Object.entries(listeners)) engine.on(event, listener);
  rtvi.on('send-text', type);
  return {
    text: (part) => {
      answer += part;
      rtvi.send('bot-llm-text', { text: part });
    },
    finished: (heard) => {
      const text = heard ?? answer;
      answer = '';
      if (heard !== undefined) rtvi.send('bot-interrupted');
      if (text !== '') rtvi.send('bot-output', { text, output_type: 'sentence' });
    },
    stop: () => {
      for (const [event, listener] of Object.entries(listeners)) engine.off(event, listener);
      rtvi.off('send-text', type);
    },
  };
}
