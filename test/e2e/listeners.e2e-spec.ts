import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { connect, PLATFORMS, post } from '../support/runner-app.js';
import { spawnHost } from '../support/spawn-host.js';

const HOST = new URL('../support/listened-host.js', import.meta.url);

interface Seen {
  readonly warnings: readonly string[];
  readonly mostListeners: number;
}

describe.each(PLATFORMS)('the listeners of a response on %s', (platform) => {
  it.each([
    [1, 1],
    [2, 1],
    [4, 5],
  ])('are few enough for Node: %i runners, and middleware with %i', async (runners, listeners) => {
    const { child, port } = await spawnHost(HOST, { platform, runners, listeners });
    try {
      const host = `http://127.0.0.1:${port}`;
      const { json, sessionId } = await post(`${host}/0/start`);
      const socket = await connect(String(json.wsUrl));
      const url = `${host}/0/sessions/${sessionId}/any`;
      const answer = await fetch(url, { method: 'POST', body: 'hello' });
      expect([answer.status, await answer.text()]).toEqual([200, 'POST hello']);
      const seen = (await (await fetch(`${host}/warnings`)).json()) as Seen;
      expect(seen.warnings).toEqual([]);
      // One of Node's, six of a pipeline, and one of all runners.
      expect(seen.mostListeners).toBeLessThanOrEqual(listeners + 8);
      socket.terminate();
    } finally {
      child.kill();
      await once(child, 'exit');
    }
  });
});
