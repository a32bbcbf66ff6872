import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { type INestApplication, Logger } from '@nestjs/common';
import { redisFleet } from '../../src/fleet.js';
import { RunnerModule } from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { FleetApps } from '../support/fleet-apps.js';
import { freePort } from '../support/free-port.js';
import { describeWith } from '../support/needs.js';
import { type Platform, PLATFORMS, startApp } from '../support/runner-app.js';
import { until } from '../support/until.js';

describeWith('redis-server')('the address of a node', () => {
  let fleet: FleetApps;
  let warnings: string[];
  beforeEach(async () => {
    warnings = [];
    jest.spyOn(Logger.prototype, 'warn').mockImplementation((text: string) => {
      if (text.includes('advertiseUrl')) warnings.push(text);
    });
    fleet = await FleetApps.begin();
  });
  afterEach(async () => {
    await fleet.end();
    jest.restoreAllMocks();
  });

  it.each(PLATFORMS)(
    'is tried when the node listens, and warned of if it is wrong: %s',
    async (platform) => {
      const { url } = await fleet.start(platform);
      await fleet.start(platform, undefined, { of: { advertiseUrl: url } });
      const nowhere = `http://127.0.0.1:${await freePort()}`;
      await fleet.start(platform, undefined, { of: { advertiseUrl: nowhere } });
      await until(() => warnings.length >= 2);
      const told = (address: string, why: string): string =>
        `advertiseUrl ${address} has to lead to this process alone: ${why}`;
      expect(warnings.join('\n')).toContain(told(url, 'it is not the node that is meant'));
      expect(warnings.join('\n')).toContain(told(nowhere, 'connect ECONNREFUSED'));
      expect(warnings).toHaveLength(2);
    },
  );

  const starts = async (platform: Platform, namespaces: readonly string[]): Promise<string> => {
    const port = await freePort();
    const runners = namespaces.map((namespace, at) =>
      RunnerModule.forRoot({
        ...{ name: `runner-${at}`, path: `/${at}`, maxSessions: 5 },
        launcher: { useValue: new RecordingLauncher() },
        fleet: { useFactory: () => redisFleet({ ...fleet.optionsAt(port), namespace }) },
      }),
    );
    let app: INestApplication | undefined;
    const keep = (made: INestApplication): void => void (app = made);
    try {
      await startApp(platform, runners, keep, {}, { port });
      return 'it started';
    } catch (error) {
      await app?.close();
      return (error as Error).message;
    }
  };

  it.each(PLATFORMS)('is that of one runner of each fleet: %s', async (platform) => {
    expect(await starts(platform, ['sales', 'support'])).toBe('it started');
    expect(await starts(platform, ['voice', 'voice'])).toContain(
      'fleet has another runner of this application: give each a namespace of its own',
    );
  });
});
