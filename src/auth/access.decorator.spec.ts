import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it, jest } from '@jest/globals';
import type { CanActivate, ExecutionContext, Type } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Access, declaredAccess } from './access.decorator.js';
import { type AuthRequest, type Principal, principalOf, RunnerAuth } from './runner-auth.js';

const handler = (): void => undefined;

@Access('session')
class Controller {}

class Undeclared {}

/** Asks the guard of `@Access()` about a request to a controller. */
function guarded(authorize: RunnerAuth['authorize'], controller: Type = Controller) {
  const [Guard] = Reflect.getMetadata('__guards__', Controller) as [
    new (auth: RunnerAuth, adapterHost: HttpAdapterHost) => CanActivate,
  ];
  const setHeader = jest.fn();
  const host = new HttpAdapterHost();
  host.httpAdapter = { setHeader } as never;
  const request = Object.assign(new IncomingMessage(new Socket()), { params: { id: '3f6c' } });
  const response = {};
  const http = { getRequest: () => request, getResponse: () => response };
  const context = {
    getHandler: () => handler,
    getClass: () => controller,
    switchToHttp: () => http,
  } as unknown as ExecutionContext;
  const auth = new (class extends RunnerAuth {
    authorize = authorize;
  })();
  const admitted = async (): Promise<unknown> => new Guard(auth, host).canActivate(context);
  return { admitted, principal: () => principalOf(request as never), setHeader, response };
}

const REFUSED = expect.objectContaining({ code: 'UNAUTHORIZED', status: 401 });

/** A promise of another library. */
const thenable = (principal: Principal | undefined): Promise<Principal | undefined> =>
  ({ then: (resolve: (value: unknown) => void) => resolve(principal) }) as never;

describe('@Access()', () => {
  it.each<[string, RunnerAuth['authorize']]>([
    ['nobody', () => undefined],
    ['a promise of nobody', async () => undefined],
    ['a thenable of nobody', () => thenable(undefined)],
  ])('refuses %s, and says which key is needed', async (_, authorize) => {
    const { admitted, principal, setHeader, response } = guarded(authorize);
    await expect(admitted()).rejects.toEqual(REFUSED);
    expect(setHeader.mock.calls).toEqual([[response, 'www-authenticate', 'Bearer']]);
    expect(principal()).toBeUndefined();
  });

  it.each<[string, (principal: Principal) => ReturnType<RunnerAuth['authorize']>]>([
    ['a principal', (principal) => principal],
    ['a promise of a principal', async (principal) => principal],
    ['a thenable of a principal', thenable],
  ])('admits %s, as it was at the time', async (_, answer) => {
    const own = { id: 'ada', maxSessions: 2 };
    const { admitted, principal } = guarded(() => answer(own));
    await expect(admitted()).resolves.toBe(true);
    own.maxSessions = 1_000;
    expect(principal()).toEqual({ id: 'ada', maxSessions: 2 });
  });

  it('asks with the access and the session of the request', async () => {
    const asked: AuthRequest[] = [];
    await guarded((request) => (asked.push(request), {})).admitted();
    expect(asked).toEqual([expect.objectContaining({ access: 'session', sessionId: '3f6c' })]);
  });

  it('needs a private key where no access is declared', async () => {
    const authorize = jest.fn<RunnerAuth['authorize']>(() => undefined);
    await expect(guarded(authorize, Undeclared).admitted()).rejects.toEqual(REFUSED);
    expect(authorize.mock.calls[0]![0]).toMatchObject({ access: 'manage' });
  });

  it('of a handler counts before that of its controller', () => {
    class Mixed {
      @Access('open')
      probe(): void {}
    }
    Access('manage')(Mixed);
    const probe = Reflect.get(Mixed.prototype, 'probe') as object;
    expect(declaredAccess(probe, Mixed)).toBe('open');
    expect(declaredAccess(handler, Mixed)).toBe('manage');
  });
});
