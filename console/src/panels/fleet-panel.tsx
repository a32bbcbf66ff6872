import { useEffect, useState } from 'react';
import { type FleetAnswer, fleet, RunnerProblem } from '../runner-api.js';

const POLL_MS = 2_000;
/** Rest after the last letter of a key. */
const TYPING_MS = 300;

/** Shows the nodes of the fleet while it is unfolded. With keys the runner asks for a private one. */
export function FleetPanel({ apiKey }: { readonly apiKey: string }) {
  const [open, setOpen] = useState(false);
  const { answer, note } = useFleet(open, apiKey);
  return (
    <details className="options" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary className="mono-upper">Fleet</summary>
      {note !== undefined && <p className="note">{note}</p>}
      {answer && <Nodes {...answer} />}
    </details>
  );
}

function Nodes({ nodes, totals, waiting, queued }: FleetAnswer) {
  return (
    <>
      <p className="note">
        {`${placesOf(totals.sessions, totals.maxSessions)} ${nounOf(totals.maxSessions ?? totals.sessions)}, ${waiting} of them waiting; ${queued} ${queued === 1 ? 'start queues' : 'starts queue'}`}
      </p>
      <table className="nodes" aria-label="Nodes">
        <thead>
          <tr>
            <th>Node</th>
            <th>State</th>
            <th>Sessions</th>
            <th>Load</th>
          </tr>
        </thead>
        <tbody>
          {nodes.map(({ name, state, version, sessions, maxSessions, load, lastBeatAt }) => (
            <tr key={name} data-state={state} title={`${version}, last heard at ${lastBeatAt}`}>
              <td>{name}</td>
              <td>{state}</td>
              <td>{placesOf(sessions, maxSessions)}</td>
              <td>{`${Math.round(load * 100)} %`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** The fleet, asked for again and again while `open`. */
function useFleet(open: boolean, apiKey: string): { answer?: FleetAnswer; note?: string } {
  const [shown, setShown] = useState<{ answer?: FleetAnswer; note?: string }>({});
  useEffect(() => {
    if (!open) return;
    let timer = setTimeout(ask, TYPING_MS);
    let current = true;
    function ask(): void {
      fleet().then(
        (answer) => {
          if (!current) return;
          setShown(answer ? { answer } : { note: 'This runner is alone.' });
          if (answer) timer = setTimeout(ask, POLL_MS);
        },
        (error: unknown) => {
          if (!current) return;
          setShown({ note: String(error instanceof Error ? error.message : error) });
          // Another key is another effect.
          const needsKey = error instanceof RunnerProblem && error.status === 401;
          if (!needsKey) timer = setTimeout(ask, POLL_MS);
        },
      );
    }
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [open, apiKey]);
  return shown;
}

const placesOf = (taken: number, of: number | null): string =>
  of === null ? String(taken) : `${taken} of ${of}`;

const nounOf = (count: number): string => (count === 1 ? 'session' : 'sessions');
