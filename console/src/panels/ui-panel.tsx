import { useCallback, useEffect, useState } from 'react';
import { RTVIEvent, type UICommandData, type UIJobGroupData } from '@pipecat-ai/client-js';
import { usePipecatClient, useRTVIClientEvent } from '@pipecat-ai/client-react';
import { Button, Panel, PanelContent, PanelHeader, PanelTitle } from '@pipecat-ai/voice-ui-kit';
import { append } from '../entries.js';
import { parseJson } from '../json-text.js';

/** A message of the user interface, as it is listed. */
interface Listed {
  readonly type: string;
  readonly text: string;
}

/** Sends UI events and snapshots, and lists the commands and job groups of the bot. */
export function UiPanel({ live }: { readonly live: boolean }) {
  const client = usePipecatClient();
  const [event, setEvent] = useState('');
  const [payload, setPayload] = useState('');
  const [streams, setStreams] = useState(false);
  const [listed, setListed] = useState<readonly Listed[]>([]);
  const [cancellable, setCancellable] = useState<readonly string[]>([]);
  const parsed = parseJson(payload);

  const list = useCallback(
    (type: string, data: unknown) =>
      setListed((before) => append(before, { type, text: JSON.stringify(data) ?? '' })),
    [],
  );
  useRTVIClientEvent(
    RTVIEvent.Connected,
    useCallback(() => {
      setListed([]);
      setCancellable([]);
    }, []),
  );
  useRTVIClientEvent(
    RTVIEvent.UICommand,
    useCallback((data: UICommandData) => list('← ui-command', data), [list]),
  );
  useRTVIClientEvent(
    RTVIEvent.UIJobGroup,
    useCallback(
      (data: UIJobGroupData) => {
        list('← ui-job-group', data);
        if (data.kind === 'group_started' && data.cancellable) {
          setCancellable((ids) => append(ids, data.job_id));
        } else if (data.kind === 'group_completed') {
          setCancellable((ids) => ids.filter((id) => id !== data.job_id));
        }
      },
      [list],
    ),
  );

  useEffect(() => {
    if (!client || !live || !streams) return;
    client.startUISnapshotStream();
    return () => client.stopUISnapshotStream();
  }, [client, live, streams]);

  const send = (): void => {
    if (!parsed) return;
    client?.sendUIEvent(event, parsed.json);
    list('→ ui-event', { event, payload: parsed.json });
  };
  const cancel = (id: string): void => {
    client?.cancelUIJobGroup(id);
    list('→ ui-cancel-job-group', { job_id: id });
  };

  return (
    <Panel>
      <PanelHeader variant="inline">
        <PanelTitle>User interface</PanelTitle>
      </PanelHeader>
      <PanelContent>
        <form
          className="options"
          onSubmit={(submit) => {
            submit.preventDefault();
            send();
          }}
        >
          <label>
            UI event
            <input
              className="field"
              placeholder="cart_opened"
              value={event}
              onChange={({ target }) => setEvent(target.value)}
            />
          </label>
          <label>
            Payload: JSON
            <input
              className="field"
              placeholder='{"items": 2}'
              aria-invalid={!parsed}
              value={payload}
              onChange={({ target }) => setPayload(target.value)}
            />
          </label>
          <Button
            type="submit"
            variant="outline"
            size="sm"
            disabled={!live || event === '' || !parsed}
          >
            Send event
          </Button>
          <label>
            <input
              type="checkbox"
              checked={streams}
              onChange={({ target }) => setStreams(target.checked)}
            />
            {' Send snapshots of this page'}
          </label>
        </form>
        {cancellable.map((id) => (
          <Button
            key={id}
            variant="outline"
            size="sm"
            disabled={!live}
            onClick={() => cancel(id)}
          >{`Cancel ${id}`}</Button>
        ))}
        <ul className="listed" aria-label="UI messages">
          {listed.map(({ type, text }, index) => (
            <li key={index}>{`${type} ${text}`}</li>
          ))}
        </ul>
      </PanelContent>
    </Panel>
  );
}
