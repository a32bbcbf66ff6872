import { useEffect, useState } from 'react';
import { type BotReadyData, RTVIEvent } from '@pipecat-ai/client-js';
import { usePipecatClientTransportState, useRTVIClientEvent } from '@pipecat-ai/client-react';
import {
  CopyText,
  DataList,
  Panel,
  PanelContent,
  PanelHeader,
  PanelTitle,
  TextDashBlankslate,
} from '@pipecat-ai/voice-ui-kit';
import type { Line, NetworkStats } from '../transports/line.js';

const STATS_INTERVAL_MS = 2_000;

interface Props {
  readonly line: Line;
  readonly live: boolean;
  readonly sessionId: string | undefined;
}

/** Shows who is connected, and how well. */
export function ConnectionPanel({ line, live, sessionId }: Props) {
  const state = usePipecatClientTransportState();
  const stats = useStats(line, live);
  const bot = useBot(live);
  return (
    <Panel>
      <PanelHeader variant="inline">
        <PanelTitle>Connection</PanelTitle>
      </PanelHeader>
      <PanelContent>
        <DataList
          data={{
            State: state,
            Bot: bot ?? <TextDashBlankslate />,
            Session: sessionId ? (
              <CopyText iconSize={12} text={sessionId} />
            ) : (
              <TextDashBlankslate />
            ),
            'Round trip': milliseconds(stats.roundTripMs),
            'Lost from bot': percent(stats.lossIn),
            'Lost from you': percent(stats.lossOut),
          }}
        />
        <p className="note">{line.statsNote}</p>
      </PanelContent>
    </Panel>
  );
}

/** The line's statistics while there is a conversation. */
function useStats(line: Line, live: boolean): NetworkStats {
  const [stats, setStats] = useState<NetworkStats>({});
  useEffect(() => {
    if (!live) return;
    let current = true;
    const read = (): void => {
      // A measurement that fails now may work the next time.
      line.stats().then(
        (read) => current && setStats(read),
        () => current && setStats({}),
      );
    };
    read();
    const timer = setInterval(read, STATS_INTERVAL_MS);
    return () => {
      current = false;
      clearInterval(timer);
      setStats({});
    };
  }, [line, live]);
  return stats;
}

/** Shows what the bot said of itself when it was ready. */
function useBot(live: boolean): string | undefined {
  const [ready, setReady] = useState<BotReadyData>();
  useRTVIClientEvent(RTVIEvent.BotReady, setReady);
  useRTVIClientEvent(RTVIEvent.Disconnected, () => setReady(undefined));
  return live && ready ? `ready, RTVI ${ready.version}` : undefined;
}

const milliseconds = (ms: number | undefined) =>
  ms === undefined ? <TextDashBlankslate /> : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

const percent = (share: number | undefined) =>
  share === undefined ? <TextDashBlankslate /> : `${(share * 100).toFixed(1)} %`;
