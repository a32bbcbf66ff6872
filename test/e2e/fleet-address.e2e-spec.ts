import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { FleetApps } from '../support/fleet-apps.js';
import { freePort } from '../support/free-port.js';
import { describeWith } from '../support/needs.js';
import { PLATFORMS } from '../support/runner-app.js';
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
});
