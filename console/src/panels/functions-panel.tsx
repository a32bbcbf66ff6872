import { useCallback, useState } from 'react';
import {
  type LLMFunctionCallData,
  type LLMFunctionCallInProgressData,
  type LLMFunctionCallStartedData,
  type LLMFunctionCallStoppedData,
  RTVIEvent,
  RTVIMessage,
} from '@pipecat-ai/client-js';
import { useRTVIClientEvent } from '@pipecat-ai/client-react';
import { Button, Panel, PanelContent, PanelHeader, PanelTitle } from '@pipecat-ai/voice-ui-kit';
import { append } from '../entries.js';
import { parseJson } from '../json-text.js';
import type { Line } from '../transports/line.js';

/** A call of a function by the bot's LLM. */
interface FunctionCall {
  /** Absent until the function runs. */
  readonly id?: string;
  /** A bot may keep it to itself. */
  readonly name: string;
  readonly args: Record<string, unknown>;
  /** Result, or `cancelled`, once it is over. */
  readonly outcome?: string;
}

interface Props {
  readonly line: Line;
  readonly live: boolean;
  readonly onProblem: (problem: string | undefined) => void;
}

/** Lists the bot's function calls, and answers one by hand. */
export function FunctionsPanel({ line, live, onProblem }: Props) {
  const calls = useFunctionCalls();
  const answer = ({ id, name, args }: FunctionCall, text: string): void => {
    const data = { function_name: name, tool_call_id: id, arguments: args, result: resultOf(text) };
    try {
      line.transport.sendMessage(new RTVIMessage('llm-function-call-result', data));
    } catch (error) {
      onProblem(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <Panel>
      <PanelHeader variant="inline">
        <PanelTitle>Function calls</PanelTitle>
      </PanelHeader>
      <PanelContent>
        {calls.length === 0 && <p className="note">The bot has called no function.</p>}
        <ul className="listed" aria-label="Function calls">
          {calls.map((call, index) => (
            <li key={call.id ?? index}>
              {`${call.name || 'unnamed'} ${JSON.stringify(call.args)}: ${call.outcome ?? (call.id === undefined ? 'started' : 'in progress')}`}
              {call.id !== undefined && call.outcome === undefined && live && (
                <AnswerForm onAnswer={(text) => answer(call, text)} />
              )}
            </li>
          ))}
        </ul>
      </PanelContent>
    </Panel>
  );
}

function AnswerForm({ onAnswer }: { readonly onAnswer: (text: string) => void }) {
  const [text, setText] = useState('');
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        onAnswer(text);
      }}
    >
      <input
        className="field"
        aria-label="Result: a JSON object or text"
        placeholder='{"city": "Bern"}'
        value={text}
        onChange={({ target }) => setText(target.value)}
      />
      <Button type="submit" variant="outline" size="sm">
        Answer
      </Button>
    </form>
  );
}

/** Returns the calls of the conversation, the oldest first. */
function useFunctionCalls(): readonly FunctionCall[] {
  const [calls, setCalls] = useState<readonly FunctionCall[]>([]);
  const run = useCallback(
    (id: string, name = '', args: Record<string, unknown> = {}) =>
      setCalls((before) => {
        if (before.some((call) => call.id === id)) return before;
        const at = before.findIndex((call) => call.id === undefined && call.name === name);
        return at < 0 ? append(before, { id, name, args }) : before.with(at, { id, name, args });
      }),
    [],
  );
  useRTVIClientEvent(
    RTVIEvent.Connected,
    useCallback(() => setCalls([]), []),
  );
  useRTVIClientEvent(
    RTVIEvent.LLMFunctionCallStarted,
    useCallback(
      ({ function_name: name = '' }: LLMFunctionCallStartedData) =>
        setCalls((before) => append(before, { name, args: {} })),
      [],
    ),
  );
  useRTVIClientEvent(
    RTVIEvent.LLMFunctionCallInProgress,
    useCallback(
      ({ tool_call_id, function_name, arguments: args }: LLMFunctionCallInProgressData) =>
        run(tool_call_id, function_name, args),
      [run],
    ),
  );
  // From bots of RTVI before 2.1.
  useRTVIClientEvent(
    RTVIEvent.LLMFunctionCall,
    useCallback(
      ({ tool_call_id, function_name, args }: LLMFunctionCallData) =>
        run(tool_call_id, function_name, args),
      [run],
    ),
  );
  useRTVIClientEvent(
    RTVIEvent.LLMFunctionCallStopped,
    useCallback(({ tool_call_id, cancelled, result }: LLMFunctionCallStoppedData) => {
      const outcome = cancelled ? 'cancelled' : (JSON.stringify(result) ?? 'done');
      setCalls((before) =>
        before.map((call) => (call.id === tool_call_id ? { ...call, outcome } : call)),
      );
    }, []),
  );
  return calls;
}

/** Returns a typed result: an object where it is the JSON of one, else the text. */
function resultOf(text: string): object | string {
  const json = parseJson(text)?.json;
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? json : text;
}
