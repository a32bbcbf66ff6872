import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it, jest } from '@jest/globals';
import { resolveRunnerOptions, type RunnerOptions } from '../../runner.options.js';
import { FleetRouter } from '../fleet-router/fleet-router.js';
import { RunnerRequest } from '../runner-request.js';
import type { RunnerRoute } from '../runner-route.js';
import { RunnerIntake } from './runner-intake.js';

const OWN = 'https://app.example.com';
const OTHER = 'https://evil.example';

/** Has the intake of a runner receive a POST. @returns whether it goes on, and the response otherwise */
function post(
  headers: Record<string, string>,
  options: RunnerOptions = {},
  route: Partial<RunnerRoute> = {},
  isComplete = false,
) {
  const intake = new RunnerIntake(
    resolveRunnerOptions(options),
    {} as never,
    { add: () => undefined } as never,
    new FleetRouter(resolveRunnerOptions(options), undefined),
  );
  const raw = Object.assign(new IncomingMessage(new Socket()), {
    ...{ method: 'POST', httpVersionMajor: 1, complete: isComplete },
  });
  Object.assign(raw.headers, headers);
  const reply = new ServerResponse(raw);
  const next = jest.fn();
  intake.receive({
    route: route as RunnerRoute,
    request: RunnerRequest.of(raw as never),
    reply,
    header: (name) => reply.getHeader(name),
    setHeader: (name, value) => void reply.setHeader(name, value),
    hostHasCors: () => false,
    param: () => undefined,
    next,
  });
  return { goesOn: next.mock.calls.length === 1, response: reply };
}

describe('the intake of a runner', () => {
  it.each<[string, Partial<RunnerRoute>, string]>([
    ['starts a session, as JSON', { opensSessions: true }, 'application/json'],
    ['starts a session, as a form', { opensSessions: true }, 'text/plain'],
    ['is for a bot', { streamsBody: 'limited' }, 'application/json'],
  ])('refuses from an origin that is not allowed what %s', (_, route, type) => {
    const headers = { 'content-type': type };
    const options = { allowedOrigins: [OWN] };
    expect(post({ ...headers, origin: OWN }, options, route).goesOn).toBe(true);
    const { goesOn, response } = post({ ...headers, origin: OTHER }, options, route);
    expect([goesOn, response.statusCode]).toEqual([false, 403]);
    expect(response.getHeader('access-control-allow-origin')).toBeUndefined();
  });

  it.each([
    [{ opensSessions: true }, 'text/plain', false],
    [{ opensSessions: true }, 'application/json', true],
    [{ opensSessions: false }, 'text/plain', true],
  ])(
    'without allowedOrigins, a foreign page that sends to %j %s goes on: %s',
    (route, type, is) => {
      expect(post({ 'content-type': type, origin: OTHER }, {}, route).goesOn).toBe(is);
    },
  );

  it.each([
    [false, 'close'],
    [true, undefined],
  ])('keeps a connection of which it has read all: %s', (isComplete, connection) => {
    const headers = { 'content-length': '1000001' };
    const { response } = post(headers, { bodyLimitBytes: 1_000_000 }, {}, isComplete);
    expect([response.statusCode, response.getHeader('connection')]).toEqual([413, connection]);
  });
});
