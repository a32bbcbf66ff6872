/** Announces a session. @returns its id, and the URL of its WebSocket */
export async function start({ url }, transport, body) {
  const response = await fetch(`${url}/start`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ transport, body }),
  });
  const { wsUrl } = await response.json();
  return { sessionId: response.headers.get('x-session-id'), wsUrl };
}
