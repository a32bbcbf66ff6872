import { useState } from 'react';
import { RTVIMessage } from '@pipecat-ai/client-js';
import { Button, Panel, PanelContent, PanelHeader, PanelTitle } from '@pipecat-ai/voice-ui-kit';
import { upload } from '../runner-api.js';
import type { Line } from '../transports/line.js';

interface Props {
  readonly line: Line;
  readonly live: boolean;
  readonly sessionId: string | undefined;
  readonly onProblem: (problem: string | undefined) => void;
}

/** Uploads a file, and sends it to the bot with a text. */
export function FilePanel({ line, live, sessionId, onProblem }: Props) {
  const [file, setFile] = useState<File>();
  const [content, setContent] = useState('');
  const [sent, setSent] = useState<string>();
  const [sending, setSending] = useState(false);

  const send = async (chosen: File, id: string): Promise<void> => {
    onProblem(undefined);
    setSending(true);
    try {
      const uploaded = await upload(chosen, id);
      line.transport.sendMessage(new RTVIMessage('send-file', { content, file: uploaded }));
      setSent(chosen.name);
    } catch (error) {
      onProblem(error instanceof Error ? error.message : String(error));
    } finally {
      setSending(false);
    }
  };

  return (
    <Panel>
      <PanelHeader variant="inline">
        <PanelTitle>File</PanelTitle>
      </PanelHeader>
      <PanelContent>
        <form
          className="options"
          onSubmit={(event) => {
            event.preventDefault();
            if (file && sessionId !== undefined) void send(file, sessionId);
          }}
        >
          <label>
            File for the bot
            <input
              className="field"
              type="file"
              onChange={({ target }) => setFile(target.files?.[0])}
            />
          </label>
          <label>
            Text that goes with it
            <input
              className="field"
              value={content}
              onChange={({ target }) => setContent(target.value)}
            />
          </label>
          <Button
            type="submit"
            variant="outline"
            size="sm"
            disabled={!live || !file || sending || sessionId === undefined}
          >
            {sending ? 'Sends the file' : 'Send file'}
          </Button>
          {sent !== undefined && (
            <p className="note" role="status">
              {`Sent ${sent}.`}
            </p>
          )}
        </form>
      </PanelContent>
    </Panel>
  );
}
