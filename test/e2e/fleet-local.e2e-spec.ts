import { expect, it } from '@jest/globals';
import { localFleet } from '../../src/fleet.js';
import { MetricsModule, RunnerModule, TelephonyModule, WebSocketModule } from '../../src/index.js';
import { RecordingLauncher, startHost } from '../../src/testing/index.js';

it('serves calls and clients without Redis where the factory of fleet returns localFleet()', async () => {
  const bot = new RecordingLauncher();
  const runner = RunnerModule.forRoot({
    launcher: { useValue: bot },
    transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot()],
    features: [MetricsModule.forRoot()],
    webSocketAuth: 'token',
    maxSessions: 2,
    fleet: { useFactory: localFleet },
  });
  const host = await startHost(runner, { logger: false });
  await host.call({ carrier: 'twilio' });
  await host.connect({ body: { user: 7 } });
  const [, client] = [await bot.nextLaunch(), await bot.nextLaunch()];
  expect(client.args.body).toEqual({ user: 7 });
  await expect(host.connect({})).rejects.toThrow('POST /start answered 429');
  const statusOf = async (path: string) => (await fetch(`${host.url}${path}`)).status;
  expect([await statusOf('/fleet'), await statusOf('/metrics')]).toEqual([404, 200]);
  await host.close();
});
