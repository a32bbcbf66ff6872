import { BotAudioOutput, ConversationPanel, EventsPanel } from '@pipecat-ai/voice-ui-kit';
import type { Call } from './call.js';
import { parseJson } from './json-text.js';
import { AudioPanel } from './panels/audio-panel.js';
import { ConnectionPanel } from './panels/connection-panel.js';
import { FilePanel } from './panels/file-panel.js';
import { FleetPanel } from './panels/fleet-panel.js';
import { FunctionsPanel } from './panels/functions-panel.js';
import { Header } from './panels/header.js';
import { StartOptions, type StartTexts } from './panels/start-options.js';
import { UiPanel } from './panels/ui-panel.js';
import { useConversation } from './use-conversation.js';

interface Props {
  readonly call: Call;
  /** The names of the transports to choose from. */
  readonly offered: readonly string[];
  readonly onChoose: (transport: string) => void;
  readonly texts: StartTexts;
  readonly onTexts: (texts: StartTexts) => void;
  readonly onProblem: (problem: string | undefined) => void;
  readonly onStuck: () => void;
}

/** The whole page, once there is something to talk over. */
export function Console(props: Props) {
  const { call, offered, onChoose, texts, onTexts, onProblem, onStuck } = props;
  const conversation = useConversation(call, onProblem, onStuck);
  const { phase } = conversation;
  return (
    <>
      <Header
        chosen={call.transport}
        offered={offered}
        onChoose={onChoose}
        phase={phase}
        onStart={() => conversation.start(parseJson(texts.body)?.json)}
        onStop={conversation.stop}
      />
      <main className="panels">
        <div className="side">
          <AudioPanel live={phase === 'live'} />
          <ConnectionPanel
            line={call.line}
            live={phase === 'live'}
            sessionId={conversation.sessionId}
          />
          <FilePanel
            line={call.line}
            live={phase === 'live'}
            sessionId={conversation.sessionId}
            onProblem={onProblem}
          />
          <UiPanel live={phase === 'live'} />
          <FunctionsPanel line={call.line} live={phase === 'live'} onProblem={onProblem} />
          <StartOptions texts={texts} onChange={onTexts} />
          <FleetPanel apiKey={texts.apiKey} />
        </div>
        <div className="talk">
          <ConversationPanel textRenderMode="instant" noTextRenderModeSwitch />
        </div>
        <div className="events">
          <EventsPanel />
        </div>
      </main>
      <BotAudioOutput />
    </>
  );
}
