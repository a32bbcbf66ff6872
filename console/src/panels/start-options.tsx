import { useState } from 'react';
import { setApiKey } from '../runner-api.js';

/** What goes along when a conversation is started. */
export function StartOptions({ onBody }: { onBody: (body: unknown) => void }) {
  const [invalid, setInvalid] = useState(false);

  function change(text: string): void {
    try {
      onBody(text.trim() === '' ? undefined : JSON.parse(text));
      setInvalid(false);
    } catch {
      onBody(undefined);
      setInvalid(true);
    }
  }

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
            onChange={({ target }) => change(target.value)}
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
            onChange={({ target }) => setApiKey(target.value)}
          />
        </label>
      </form>
    </details>
  );
}
