import { setTimeout as sleep } from 'node:timers/promises';

/** Longest time for a session to end, in milliseconds. */
const END_MS = 8_000;

/** Announces a session. @returns its id, and the URL of its WebSocket, with its token where it needs one */
export async function start({ url }, transport, body) {
  const response = await fetch(`${url}/start`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ transport, body }),
  });
  const { wsUrl, token } = await response.json();
  return {
    sessionId: response.headers.get('x-session-id'),
    wsUrl: token === undefined ? wsUrl : `${wsUrl}/${token}`,
  };
}

/** Returns the reason of a session's end, once it has come; `undefined` when it goes on. */
export async function endOf({ url }, sessionId) {
  for (const endMs = performance.now() + END_MS; performance.now() < endMs; await sleep(10)) {
    const { state, endReason } = await (await fetch(`${url}/sessions/${sessionId}`)).json();
    if (state === 'ended') return endReason;
  }
  return undefined;
}
