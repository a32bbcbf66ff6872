import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { dirname } from 'node:path';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { ProcessBotOptions } from '../../src/index.js';
import { RequestRelay } from '../../src/process/request-relay.js';
import { describeWith } from '../support/needs.js';
import { ProcessHost } from '../support/process-host.js';
import { post } from '../support/runner-app.js';
import { missingOf } from '../support/tools.js';

const NODE: ProcessBotOptions = { module: 'test/support/bots/obedient-bot.js' };
const PYTHON: ProcessBotOptions = {
  python: 'test/support/bots/routes_bot.py',
  pythonPath: process.env.PIPECAT_PYTHON,
};
const HOSTS: [string, ProcessBotOptions][] = [
  ['Node', NODE],
  // Where it is missing the suite at the end of this file says so.
  ...(missingOf(['pipecat-ai[runner]']).length === 0
    ? [['Python', PYTHON] satisfies [string, ProcessBotOptions]]
    : []),
];

let running: ProcessHost | undefined;
afterEach(async () => {
  await running?.host.close();
  running = undefined;
});

/** Starts a bot that takes requests. @returns the URL of its session */
async function conversation(program: ProcessBotOptions, options: object = {}): Promise<string> {
  running = await ProcessHost.start(program, options);
  await running.open({ do: 'requests' });
  const session = running.sessions[0]!;
  await running.lines.with('takes requests');
  while (!session.requestHandler) await new Promise((resolve) => setTimeout(resolve, 10));
  return `${running.host.url}/sessions/${session.id}`;
}

describe.each(HOSTS)('the session API of a bot process in %s', (_, program) => {
  it('passes requests and responses as they are', async () => {
    const url = await conversation(program);
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const body = method === 'GET' ? undefined : 'as it is { not JSON';
      const response = await fetch(`${url}/mirror/a%20b?d=%C3%A9&d=2`, {
        method,
        body,
        headers: { 'content-type': 'text/x-any', authorization: 'Bearer key', 'x-mine': 'yes' },
      });
      expect(response.status).toBe(201);
      expect(response.headers.getSetCookie()).toEqual([
        expect.stringMatching(/^a=1/),
        expect.stringMatching(/^b=2/),
      ]);
      const seen = (await response.json()) as { headers: object };
      expect(seen).toMatchObject({
        method,
        path: '/mirror/a%20b?d=%C3%A9&d=2',
        body: body ?? null,
      });
      expect(seen.headers).toMatchObject({ 'content-type': 'text/x-any', 'x-mine': 'yes' });
      expect(seen.headers).not.toHaveProperty('authorization');
    }
    expect((await fetch(`${url}/nothing`)).status).toBe(204);
  });

  it('streams both ways at once', async () => {
    const url = await conversation(program);
    const outgoing = httpRequest(`${url}/stream`, { method: 'POST' });
    outgoing.write('one');
    const [response] = (await once(outgoing, 'response')) as [NodeJS.ReadableStream];
    const heard = async () => String(((await once(response, 'data')) as [Buffer])[0]);
    expect(await heard()).toBe('one');
    outgoing.write('two');
    expect(await heard()).toBe('two');
    outgoing.end();
    response.resume();
    await once(response, 'end');
  });

  it('passes a body of some megabytes, and refuses one over the limit', async () => {
    const url = await conversation(program, { bodyLimitBytes: 4_000_000 });
    const body = Buffer.alloc(3_000_000, 'x');
    const response = await fetch(`${url}/stream`, { method: 'POST', body });
    expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
    const { status, json } = await post(`${url}/mirror/x`, 'x'.repeat(4_000_001));
    expect([status, json.code]).toEqual([413, 'TOO_LARGE']);
  });

  it('answers for a bot that fails, does not answer, or is gone', async () => {
    const url = await conversation(program, { sessionRequestTimeoutMs: 1_000 });
    const ask = async (path: string) => {
      const response = await fetch(url + path);
      return [response.status, await response.text()] as const;
    };
    const [status, text] = await ask('/throws');
    expect(status).toBe(500);
    expect(text).not.toContain('secret');
    await running!.lines.with('the secret recipe');
    expect(await ask('/never')).toEqual([504, expect.stringContaining('NO_ANSWER')]);
    expect((await ask('/exit'))[0]).toBeGreaterThanOrEqual(400);
    expect(await running!.sessions[0]!.ended).toMatchObject({ code: 'failed' });
    expect((await ask('/nothing'))[0]).toBe(404);
  });

  it('leaves no socket behind', async () => {
    const close = jest.spyOn(RequestRelay.prototype, 'close');
    const url = await conversation(program);
    expect((await fetch(`${url}/nothing`)).status).toBe(204);
    await running!.host.close();
    running = undefined;
    const relays = close.mock.contexts as RequestRelay[];
    const folders = relays.map(({ path }) => dirname(path));
    close.mockRestore();
    expect(new Set(folders).size).toBe(1);
    expect(folders.filter((folder) => existsSync(folder))).toEqual([]);
  });
});

describe('the session API of a bot process that takes no requests', () => {
  it('answers 409', async () => {
    running = await ProcessHost.start(NODE);
    await running.open({ do: 'stay' });
    await running.lines.with('staying');
    const { id } = running.sessions[0]!;
    expect((await fetch(`${running.host.url}/sessions/${id}/x`)).status).toBe(409);
  });
});

describeWith('pipecat-ai[runner]')('the routes of a Pipecat bot', () => {
  it('are named at start-up, with where they are', async () => {
    running = await ProcessHost.start({ ...PYTHON, warmProcesses: 1 });
    await running.lines.with('The bot’s route GET /nothing is served at /sessions/<id>/nothing');
    await running.lines.with('The bot’s route WEBSOCKET /socket is not served');
    expect(running.lines.all.join('\n')).not.toContain('/openapi.json');
  });
});
