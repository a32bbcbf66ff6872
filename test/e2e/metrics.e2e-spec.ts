import { afterEach, describe, expect, it } from '@jest/globals';
import * as promClient from 'prom-client';
import {
  createTransport,
  MetricsModule,
  RunnerModule,
  type Session,
  SessionRegistry,
  TelephonyModule,
  WebSocketModule,
  SessionEnd,
} from '../../src/index.js';
import { connectClient, placeCall, RecordingLauncher } from '../../src/testing/index.js';
import { samplesIn, scrape } from '../support/prometheus.js';
import {
  closeApps,
  closeOf,
  PLATFORMS,
  post,
  type RunningApp,
  startApp,
} from '../support/runner-app.js';
import { tone } from '../support/sound.js';

let running: RunningApp | undefined;
afterEach(closeApps);

/** Hears, and says back. */
const echo = () =>
  new RecordingLauncher(async (args, session) => {
    const transport = await createTransport(args);
    session.ready();
    for await (const frame of transport.audioIn()) void transport.sendAudio(frame);
  });

async function start(
  platform: (typeof PLATFORMS)[number],
  launcher: RecordingLauncher,
  metrics = MetricsModule.forRoot(),
  path = '',
) {
  running = await startApp(platform, [
    RunnerModule.forRoot({
      launcher: { useValue: launcher },
      transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot()],
      features: [metrics],
      maxSessions: 2,
      path,
    }),
  ]);
  return { ...running, sessions: running.app.get(SessionRegistry, { strict: false }) };
}

describe.each(PLATFORMS)('metrics on %s', (platform) => {
  it('report current sessions and how others ended', async () => {
    const launcher = echo();
    const { url, wsUrl } = await start(platform, launcher);
    expect(await scrape(url)).toMatchObject({
      'pipecat_sessions{transport="websocket",state="running"}': 0,
      'pipecat_sessions{transport="plivo",state="pending"}': 0,
    });

    const { json } = await post(`${url}/start`, { transport: 'websocket' });
    const call = await placeCall({ carrier: 'twilio', url: `${wsUrl}/ws` });
    const { session } = await launcher.nextLaunch();
    expect((await post(`${url}/start`, { transport: 'websocket' })).status).toBe(429);
    expect((await post(`${url}/start`, { transport: 'pigeon' })).status).toBe(400);
    expect((await post(`${url}/start`, { transport: 7 })).status).toBe(422);
    expect(await scrape(url)).toMatchObject({
      'pipecat_sessions{transport="websocket",state="pending"}': 1,
      'pipecat_sessions{transport="twilio",state="running"}': 1,
      'pipecat_session_start_seconds_count{transport="twilio"}': 1,
      'pipecat_session_start_seconds_bucket{le="+Inf",transport="twilio"}': 1,
      'pipecat_starts_refused_total{cause="AT_CAPACITY"}': 1,
      'pipecat_starts_refused_total{cause="TRANSPORT_UNAVAILABLE"}': 1,
      'pipecat_starts_refused_total{cause="INVALID_FIELDS"}': 1,
    });

    await call.speak(tone(440, 8_000, 0.2), { pace: 'asap' });
    await call.heard(800);
    call.socket.send('no JSON');
    await call.hangUp();
    await (session as Session).ended;
    const client = await connectClient(json.wsUrl as string);
    const { session: second } = await launcher.nextLaunch();
    await (second as Session).end(new SessionEnd('stopped', 'enough'));
    await client.closed;

    const after = await scrape(url);
    expect(after).toMatchObject({
      'pipecat_sessions{transport="twilio",state="running"}': 0,
      'pipecat_sessions{transport="websocket",state="running"}': 0,
      'pipecat_session_ends_total{transport="twilio",reason="peer_left"}': 1,
      'pipecat_session_ends_total{transport="websocket",reason="stopped"}': 1,
      'pipecat_session_duration_seconds_count{transport="twilio"}': 1,
      'pipecat_media_audio_total{transport="twilio",direction="in"}': 10,
      'pipecat_media_lost_total{transport="twilio",cause="malformed"}': 1,
      'pipecat_media_lost_total{transport="twilio",cause="unread"}': 0,
    });
    expect(
      after['pipecat_media_audio_total{transport="twilio",direction="out"}'],
    ).toBeGreaterThanOrEqual(5);
    expect(after['pipecat_session_duration_seconds_sum{transport="twilio"}']).toBeGreaterThan(0);
    expect(after['process_resident_memory_bytes']).toBeGreaterThan(0);
  });

  it('count refused starts and connections', async () => {
    const { url, wsUrl } = await start(platform, new RecordingLauncher());
    await closeOf(`${wsUrl}/ws-client?session_id=none`);
    expect(await scrape(url)).toMatchObject({
      'pipecat_starts_refused_total{cause="FORBIDDEN"}': 1,
    });
  });

  it('are served in the text format of Prometheus, below the path', async () => {
    const { url } = await start(platform, echo(), MetricsModule.forRoot(), 'voice');
    const response = await fetch(`${url}/voice/metrics`);
    // Express 5 before 5.2 turns the parameters round.
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; .*version=0\.0\.4/);
    expect(await response.text()).toMatch(
      /^# HELP pipecat_sessions Sessions that have not ended\n# TYPE pipecat_sessions gauge$/m,
    );
  });

  it('can use the registry of the host, which serves it', async () => {
    const registry = new promClient.Registry();
    const { url } = await start(
      platform,
      echo(),
      MetricsModule.forRootAsync({ path: false, useFactory: async () => ({ registry }) }),
    );
    expect((await fetch(`${url}/metrics`)).status).toBe(404);
    const samples = samplesIn(await registry.metrics());
    expect(samples).toMatchObject({
      'pipecat_sessions{transport="websocket",state="pending"}': 0,
    });
    expect(samples).not.toHaveProperty('process_resident_memory_bytes');
  });

  it('of several runners share a registry, labelled by name', async () => {
    const registry = new promClient.Registry();
    const runner = (path: string, name?: string) =>
      RunnerModule.forRoot({
        name,
        path,
        launcher: { useValue: new RecordingLauncher() },
        transports: [WebSocketModule.forRoot()],
        features: [MetricsModule.forRoot({ registry })],
      });
    running = await startApp(platform, [runner('a'), runner('b', 'sales')]);
    const { url } = running;
    await post(`${url}/b/start`, { transport: 'websocket' });
    await post(`${url}/a/start`, { transport: 'pigeon' });
    expect(samplesIn(await registry.metrics())).toMatchObject({
      'pipecat_sessions{transport="websocket",state="pending"}': 0,
      'pipecat_sessions{runner="sales",transport="websocket",state="pending"}': 1,
      'pipecat_starts_refused_total{cause="TRANSPORT_UNAVAILABLE"}': 1,
    });
  });

  it('stay in a registry that outlives the application, such as the global one', async () => {
    const registry = new promClient.Registry();
    for (const starts of [1, 2]) {
      const { url, app } = await start(platform, echo(), MetricsModule.forRoot({ registry }));
      await post(`${url}/start`, { transport: 'websocket' });
      await app.close();
      const samples = samplesIn(await registry.metrics());
      expect(samples['pipecat_session_ends_total{transport="websocket",reason="draining"}']).toBe(
        starts,
      );
      expect(Object.keys(samples).join()).not.toContain('pipecat_sessions{');
    }
  });

  it('are absent by default', async () => {
    running = await startApp(platform, [
      RunnerModule.forRoot({
        launcher: { useValue: echo() },
        transports: [WebSocketModule.forRoot()],
      }),
    ]);
    expect((await fetch(`${running.url}/metrics`)).status).toBe(404);
  });
});

it('metrics refuse anything but a registry', async () => {
  const metrics = MetricsModule.forRoot({ registry: {} as never });
  await expect(start('fastify', echo(), metrics)).rejects.toThrow(
    /MetricsModule .*\n.*registry must be a Registry of prom-client/,
  );
});
