import { parseJson } from '../json-text.js';

/** Options of a start, as they were typed. */
export interface StartTexts {
  readonly body: string;
  readonly apiKey: string;
}

interface Props {
  readonly texts: StartTexts;
  readonly onChange: (texts: StartTexts) => void;
}

export function StartOptions({ texts, onChange }: Props) {
  const invalid = !parseJson(texts.body);
  return (
    <details className="options">
      <summary className="mono-upper">Start options</summary>
      <form onSubmit={(event) => event.preventDefault()}>
        <label>
          Body: JSON that the bot gets
          <textarea
            className="field"
            rows={3}
            spellCheck={false}
            placeholder='{"delayMs": 800}'
            aria-invalid={invalid}
            value={texts.body}
            onChange={({ target }) => onChange({ ...texts, body: target.value })}
          />
        </label>
        {invalid && (
          <p className="invalid" role="alert">
            This is no JSON, and is not sent.
          </p>
        )}
        <label>
          API key, where the runner asks for one
          <input
            className="field"
            type="password"
            autoComplete="off"
            value={texts.apiKey}
            onChange={({ target }) => onChange({ ...texts, apiKey: target.value })}
          />
        </label>
      </form>
    </details>
  );
}
