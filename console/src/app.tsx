import { useCallback, useEffect, useState } from 'react';
import { PipecatClientProvider } from '@pipecat-ai/client-react';
import { Call } from './call.js';
import { Console } from './console.js';
import { Problem } from './panels/problem.js';
import { acceptedTransports, setApiKey } from './runner-api.js';
import { TRANSPORTS } from './transports/index.js';

/** Asks the runner what it accepts, and has the chosen transport ready. */
export function App() {
  const [offered, setOffered] = useState<readonly string[]>([]);
  const [chosen, choose] = useState<string>();
  // Here, so that they survive a change of the transport.
  const [texts, setTexts] = useState({ body: '', apiKey: '' });
  const [problem, setProblem] = useState<string>();
  // The first of several problems is the cause, and the others its effects.
  const report = useCallback(
    (text: string | undefined) => setProblem((first) => text && (first ?? text)),
    [],
  );
  const { call, renew } = useCall(chosen, report);

  useEffect(() => setApiKey(texts.apiKey), [texts.apiKey]);

  useEffect(() => {
    acceptedTransports().then(
      (accepted) => {
        const names = Object.keys(TRANSPORTS).filter((name) => accepted.includes(name));
        setOffered(names);
        choose(names[0]);
        if (names.length === 0) report(nothingToOffer(accepted));
      },
      (error: Error) => report(error.message),
    );
  }, [report]);

  return (
    <div className="console">
      {problem !== undefined && <Problem text={problem} onClose={() => report(undefined)} />}
      {call && (
        <PipecatClientProvider key={call.id} client={call.client}>
          <Console
            call={call}
            offered={offered}
            onChoose={choose}
            texts={texts}
            onTexts={setTexts}
            onProblem={report}
            onStuck={renew}
          />
        </PipecatClientProvider>
      )}
    </div>
  );
}

/** The call over a transport, once its code is there, until another is chosen. */
function useCall(transport: string | undefined, report: (problem: string) => void) {
  const [call, setCall] = useState<Call>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (transport === undefined) return;
    let current = true;
    const loading = Call.over(transport);
    loading.then(
      (loaded) => current && setCall(loaded),
      () => current && report(`The code for ${transport} could not be loaded. Reload the page.`),
    );
    return () => {
      current = false;
      setCall(undefined);
      void loading.then((loaded) => loaded.stop());
    };
  }, [transport, round, report]);
  return { call, renew: useCallback(() => setRound((before) => before + 1), []) };
}

const nothingToOffer = (accepted: readonly string[]): string =>
  `This page talks over ${Object.keys(TRANSPORTS).join(', ')}, and the runner accepts ${accepted.join(', ') || 'nothing'}.`;
