import { describe, expect, it } from '@jest/globals';
import { ExpressAdapter } from '@nestjs/platform-express';
import { type ExpressApplication, ExpressRouter } from './express-router.js';

/** Fails when the router of Express has another shape than the one that is reached into. */
describe('ExpressRouter', () => {
  type App = ExpressApplication &
    Record<'get' | 'post' | 'all', (path: string, handler: () => void) => void>;
  const notes = new WeakMap<object, string>();
  const noted = (note: string) => {
    const handler = (): void => undefined;
    notes.set(handler, note);
    return handler;
  };
  const setUp = () => {
    const app = new ExpressAdapter().getInstance<App>();
    return { app, router: new ExpressRouter<string>(app, (handler) => notes.get(handler)) };
  };

  it('finds the route that takes a request, as Express writes and reads paths', () => {
    const { app, router } = setUp();
    app.post('/start', noted('start'));
    app.get('/sessions/:id', noted('session'));
    app.all('/sessions/:id/*path', noted('api'));
    expect(router.find('POST', '/start')).toBe('start');
    for (const spelling of ['/START', '/start/', '/Start/']) {
      expect([spelling, router.find('POST', spelling)]).toEqual([spelling, 'start']);
    }
    expect(router.find('GET', '/start')).toBeUndefined();
    expect(router.find('POST', '/start/x')).toBeUndefined();
    expect(router.find('HEAD', '/sessions/x')).toBe('session');
    expect(router.find('DELETE', '/sessions/x')).toBeUndefined();
    expect(router.find('PROPFIND', '/sessions/x/y/z')).toBe('api');
    expect(router.find('GET', '/sessions/%')).toBeUndefined();
    expect(router.routes).toEqual([
      { path: '/start', takesOptions: false, note: 'start' },
      { path: '/sessions/:id', takesOptions: false, note: 'session' },
      { path: '/sessions/:id/*path', takesOptions: true, note: 'api' },
    ]);
  });

  it('leaves to another route what that takes first, now or later', () => {
    const { app, router } = setUp();
    app.get('/:anything', () => undefined);
    app.get('/status', noted('status'));
    app.post('/status', noted('posted'));
    expect(router.find('GET', '/status')).toBeUndefined();
    expect(router.find('POST', '/status')).toBe('posted');
    app.post('/late', noted('late'));
    expect(router.find('POST', '/late')).toBe('late');
  });

  it('knows the middleware of the package cors, and where it is mounted', () => {
    const { app, router } = setUp();
    expect(router.hasCors('/start')).toBe(false);
    // The package behind app.enableCors().
    const other = new ExpressAdapter();
    other.enableCors({});
    const { handle } = other
      .getInstance<{ router: { stack: { handle: unknown }[] } }>()
      .router.stack.at(-1)!;
    app.use('/api', handle);
    expect([router.hasCors('/start'), router.hasCors('/api/start')]).toEqual([false, true]);
    app.use(handle);
    expect(router.hasCors('/start')).toBe(true);
  });

  it('refuses what is no router of Express 5', () => {
    expect(() => new ExpressRouter({} as never, () => undefined)).toThrow(/Express 5/);
  });
});
