import assert from 'node:assert/strict';
import { connectClient } from '../../../dist/testing/index.js';

/** Holds a conversation with the echo bot of a host. @param base where the runner is, such as `http://127.0.0.1:3000` */
export async function converse(base, headers = {}) {
  const response = await fetch(`${base}/start`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ transport: 'websocket' }),
  });
  const answer = await response.text();
  assert.equal(response.status, 200, answer);
  const { pathname, search } = new URL(JSON.parse(answer).wsUrl);
  const client = await connectClient(`${base.replace('http', 'ws')}${pathname}${search}`);
  await client.speak(new Int16Array(8_000).fill(1_000), { pace: 'asap' });
  await client.heard(10_000);
  const { sessions } = await (await fetch(`${base}/sessions`, { headers })).json();
  assert.equal(sessions[0].state, 'running');
  await client.leave();
}

/** A `GET`. @throws unless it is answered as expected */
export async function expectAnswer(url, { status = 200, body, headers = {} } = {}) {
  const response = await fetch(url, { headers });
  const text = await response.text();
  assert.equal(response.status, status, text);
  if (body instanceof RegExp) assert.match(text, body);
  else if (body !== undefined) assert.equal(text, body);
  return response;
}
