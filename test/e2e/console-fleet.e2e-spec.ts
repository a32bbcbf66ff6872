import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { redisFleet } from '../../src/fleet.js';
import { RunnerModule, SessionRegistry, WebSocketModule } from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { launchChromium } from '../support/chromium.js';
import { ConsoleUser } from '../support/console-user.js';
import { FLEET_SECRET } from '../support/fleet-node.js';
import { describeWith } from '../support/needs.js';
import { RedisServer } from '../support/redis-server.js';
import { closeApps, connect, post, startApp } from '../support/runner-app.js';

const KEYS = { publicKeys: ['a-public-key-0123'], privateKeys: ['a-private-key-012'] };

describeWith('chromium', 'redis-server')('the fleet in the console', () => {
  let browser: Browser;
  let redis: RedisServer;
  let user: ConsoleUser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  beforeEach(async () => {
    redis = await RedisServer.start();
  });
  afterEach(async () => {
    await user.close();
    await closeApps();
    await redis.stop();
  });
  afterAll(() => browser.close());

  const start = (nodeName?: string, maxSessions = 5) =>
    startApp('fastify', [
      RunnerModule.forRoot({
        launcher: {
          useValue: new RecordingLauncher(async (_args, session) => {
            session.ready();
            await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
          }),
        },
        transports: [WebSocketModule.forRoot()],
        console: true,
        webSocketAuth: 'token',
        maxSessions: 3,
        ...(nodeName && {
          ...KEYS,
          fleet: {
            useFactory: () =>
              redisFleet({
                ...{ redis: redis.url, secret: FLEET_SECRET, nodeName, maxSessions },
                ...{ advertiseUrl: 'http://127.0.0.1:3000', heartbeatMs: 100, leaseMs: 1_000 },
              }),
          },
        }),
      }),
    ]);

  const rows = async (): Promise<string[]> =>
    (await user.page.getByRole('table', { name: 'Nodes' }).getByRole('row').allInnerTexts()).map(
      (row) => row.replaceAll(/\s+/g, ' '),
    );

  it('is shown to a private key, as it is now', async () => {
    const [a, b] = [await start('a'), await start('b')];
    const headers = { authorization: 'Bearer a-public-key-0123' };
    const { json } = await post(`${a.url}/start`, {}, headers);
    await post(`${a.url}/start`, {}, headers);
    await connect(`${b.wsUrl}/ws-client?token=${String(json.token)}`);
    user = await ConsoleUser.open(browser, `${a.url}/client`);
    await user.page.getByText('Fleet', { exact: true }).click();
    await user.sees(/A valid key is needed here/);
    await user.page.getByText('Start options', { exact: true }).click();
    const key = user.page.getByLabel(/API key/);
    await key.fill('a-public-key-0123');
    await user.page.waitForTimeout(1_000);
    await user.sees(/A valid key is needed here/);
    await key.fill('a-private-key-012');
    await user.sees('2 of 5 sessions, 1 of them waiting; 0 starts queue');
    expect(await rows()).toEqual([
      'Node State Sessions Load',
      expect.stringMatching(/^a-\w{8} ready 0 of 3 \d+ %$/),
      expect.stringMatching(/^b-\w{8} ready 1 of 3 \d+ %$/),
    ]);
    b.app.get(SessionRegistry, { strict: false }).close();
    await user.sees('draining');
  });

  it('counts one session, and is without a limit', async () => {
    const { url } = await start('a', Infinity);
    await post(`${url}/start`, {}, { authorization: 'Bearer a-public-key-0123' });
    user = await ConsoleUser.open(browser, `${url}/client`);
    await user.page.getByText('Fleet', { exact: true }).click();
    await user.page.getByText('Start options', { exact: true }).click();
    await user.page.getByLabel(/API key/).fill('a-private-key-012');
    await user.sees('1 session, 1 of them waiting; 0 starts queue');
  });

  it('is none for a runner alone', async () => {
    const { url } = await start();
    user = await ConsoleUser.open(browser, `${url}/client`);
    expect(user.requests.filter((one) => one.endsWith('/fleet'))).toEqual([]);
    await user.page.getByText('Fleet', { exact: true }).click();
    await user.sees('This runner is alone.');
  });
});
