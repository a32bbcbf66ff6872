import { afterEach, describe, expect, it } from '@jest/globals';
import {
  createTransport,
  MetricsModule,
  RunnerModule,
  TelephonyModule,
  WebSocketModule,
} from '../../src/index.js';
import {
  type CarrierName,
  RecordingLauncher,
  startHost,
  type TestHost,
} from '../../src/testing/index.js';
import { FakeCarrierApi } from '../support/fake-carrier-api.js';
import { Lines } from '../support/lines.js';
import { ProcessHost } from '../support/process-host.js';

let host: TestHost | undefined;
let api: FakeCarrierApi | undefined;
afterEach(async () => {
  await host?.close();
  await api?.close();
  host = api = undefined;
});

const hangsUp = new RecordingLauncher(async (args) => {
  const transport = await createTransport(args);
  await transport.hangUp();
});

/** The hang-ups of a host, as Prometheus sees them. */
async function counted({ url }: TestHost): Promise<string[]> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return text.split('\n').filter((line) => line.startsWith('pipecat_hang_ups_total{'));
}

async function start(withAccounts: boolean): Promise<Lines> {
  const lines = new Lines();
  if (withAccounts) api = await FakeCarrierApi.start();
  host = await startHost(
    RunnerModule.forRoot({
      launcher: { useValue: hangsUp },
      transports: [
        WebSocketModule.forRoot(),
        TelephonyModule.forRoot({ credentials: api?.credentials }),
      ],
      features: [MetricsModule.forRoot()],
    }),
    { configure: (app) => app.useLogger(lines) },
  );
  return lines;
}

describe('the log and the metric of a call that the bot hung up', () => {
  it.each(['twilio', 'telnyx', 'plivo', 'exotel', 'vonage', 'genesys'] satisfies CarrierName[])(
    'say that only the connection of %s was closed',
    async (carrier) => {
      const lines = await start(false);
      const call = await host!.call({ carrier });
      await call.closed;
      await lines.with('ended: completed; hung up through its connection');
      expect(await counted(host!)).toEqual([
        `pipecat_hang_ups_total{transport="${carrier}",via="connection",outcome="ok"} 1`,
      ]);
    },
  );

  it.each(['twilio', 'telnyx', 'plivo'] satisfies CarrierName[])(
    'say that the API of %s ended it, or failed to',
    async (carrier) => {
      const lines = await start(true);
      await (
        await host!.call({ carrier })
      ).closed;
      await lines.with('ended: completed; hung up through its api');
      api!.misbehaviours.push({ status: 400 });
      await (
        await host!.call({ carrier })
      ).closed;
      await lines.with('ended: completed; the hang-up through its api failed');
      expect(await counted(host!)).toEqual([
        `pipecat_hang_ups_total{transport="${carrier}",via="api",outcome="ok"} 1`,
        `pipecat_hang_ups_total{transport="${carrier}",via="api",outcome="failed"} 1`,
      ]);
    },
  );

  it('say nothing of a client without a call, nor of one that leaves', async () => {
    const lines = await start(false);
    const client = await host!.connect();
    await client.closed;
    await lines.with('ended: completed');
    expect(lines.text).not.toContain('hung up');
    expect(await counted(host!)).toEqual([]);
  });

  it('say the same of a bot in a process of its own', async () => {
    const running = await ProcessHost.start(
      { module: 'test/support/bots/obedient-bot.js' },
      {
        transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot()],
        features: [MetricsModule.forRoot()],
      },
    );
    ({ host } = running);
    const call = await host.call({ carrier: 'twilio', body: { do: 'hangUp' } });
    await call.closed;
    await running.lines.with('ended: completed; hung up through its connection');
    expect(await counted(host)).toEqual([
      'pipecat_hang_ups_total{transport="twilio",via="connection",outcome="ok"} 1',
    ]);
  });
});
