import { once } from 'node:events';
import { dirname } from 'node:path';
import {
  AudioFrame,
  AudioSource,
  AudioStream,
  dispose,
  LocalAudioTrack,
  type RemoteTrack,
  Room,
  RoomEvent,
  TrackPublishOptions,
  TrackSource,
} from '@livekit/rtc-node';
import { afterAll, afterEach, expect, it } from '@jest/globals';
import {
  DailyModule,
  LiveKitModule,
  type ProcessBotOptions,
  type RunnerModuleExtras,
  type RunnerOptions,
  SessionEnd,
} from '../../src/index.js';
import { ChildHost } from '../support/child-host.js';
import { connectClient, placeCall } from '../../src/testing/index.js';
import { FakeDaily } from '../support/fake-daily.js';
import { LiveKitTestServer } from '../support/livekit-server.js';
import { descendantsOf, floodUnread, gone, isAlive, ProcessHost } from '../support/process-host.js';
import { closeOf, connect, post } from '../support/runner-app.js';
import { similarity, tone } from '../support/sound.js';
import { describeWith, itWith } from '../support/needs.js';

const { PIPECAT_PYTHON } = process.env;
const ECHO = 'test/support/bots/echo_bot.py';
const OBEDIENT = 'test/support/bots/obedient_bot.py';
const speech = tone(440, 8_000, 0.5);

describeWith('Pipecat')('with Pipecat installed,', () => {
  let running: ProcessHost | undefined;
  const toClose: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    await running?.host.close();
    for (const close of toClose.splice(0)) await close();
    running = undefined;
  });
  afterAll(() => dispose());

  async function start(
    bot: string,
    options: RunnerOptions & RunnerModuleExtras = {},
    limits: Partial<ProcessBotOptions> = {},
  ): Promise<ProcessHost> {
    const program = bot.endsWith('.py')
      ? { python: bot, pythonPath: PIPECAT_PYTHON }
      : { module: bot };
    return (running = await ProcessHost.start(
      { ...program, ...limits } as ProcessBotOptions,
      options,
    ));
  }

  async function standalone(bot: string): Promise<ChildHost> {
    const runner = await ChildHost.startWith(
      // As in an activated environment.
      { PATH: `${dirname(PIPECAT_PYTHON!)}:${process.env.PATH}` },
      'dist/main.js',
      ...['--host', '127.0.0.1', '--port', '0', '--bot', bot],
    );
    toClose.push(() => runner.kill());
    return runner;
  }

  it('a Pipecat bot echoes a Twilio call', async () => {
    const { host, lines, sessions } = await start(ECHO);
    const call = await host.call({ carrier: 'twilio', from: '+15550001' });
    await call.speak(speech);
    await call.heard(3_500);
    expect(similarity(call.audio, 8_000, speech, 8_000)).toBeGreaterThan(0.9);
    await call.hangUp();
    expect(await sessions[0]!.ended).toMatchObject({ code: 'peer_left' });
    await lines.with('Client disconnected');
  });

  it('a Pipecat bot echoes a Pipecat client', async () => {
    const { host, sessions } = await start(ECHO);
    const client = await host.connect();
    const voice = tone(440, 16_000, 0.5);
    await client.speak(voice);
    await client.heard(3_000);
    await client.leave();
    expect(await sessions[0]!.ended).toMatchObject({ code: 'peer_left' });
  });

  it('a Pipecat bot runs under the standalone runner', async () => {
    const runner = await standalone(ECHO);
    const call = await placeCall({
      carrier: 'twilio',
      url: `${runner.url.replace('http', 'ws')}/ws`,
    });
    await call.speak(speech);
    await call.heard(3_000);
    const { json } = await post(`${runner.url}/start`, { transport: 'websocket' });
    const client = await connectClient(String(json.wsUrl));
    await client.speak(tone(440, 16_000, 0.5));
    await client.heard(2_000);
  });

  it('a Pipecat bot is killed with its runner, even when it hangs', async () => {
    const runner = await standalone(OBEDIENT);
    for (const [deed, says] of [
      ['hang', 'hanging'],
      ['stay', 'staying'],
      ['hold', 'holding'],
    ]) {
      const body = { do: deed };
      const { json } = await post(`${runner.url}/start`, { transport: 'websocket', body });
      const socket = await connect(String(json.wsUrl));
      socket.on('error', () => undefined);
      await runner.printed(says!);
    }
    const processes = descendantsOf(runner.child.pid!);
    expect(processes.length).toBeGreaterThanOrEqual(2);
    await runner.kill();
    await Promise.all(processes.map(gone));
  });

  it.each([
    ['twilio', 'CallData', 'connected'],
    ['telnyx', 'TelnyxCallData', 'connected'],
    ['plivo', 'CallData', 'start'],
    ['exotel', 'ExotelCallData', 'connected'],
  ] as const)(
    'a Pipecat bot receives the call of %s with its handshake',
    async (carrier, cls, first) => {
      const { host, lines, sessions } = await start(OBEDIENT, { cliArgs: { verbose: 2 } });
      const call = await host.call({
        carrier,
        from: '+15550001',
        body: { user: 7 },
        webSocketOptions: { origin: 'https://app.example.com' },
      });
      const told = await lines.with('told');
      expect(JSON.parse(/told (.*)/.exec(told)![1]!)).toMatchObject({
        class: 'WebSocketRunnerArguments',
        transport_type: carrier,
        call_data_class: cls,
        call_data: { call_id: call.facts.callId },
        body: { user: 7 },
        session_id: sessions[0]!.id,
        handle_sigint: false,
        handle_sigterm: false,
        pipeline_idle_timeout_secs: 300,
        cli_args: { verbose: 2 },
        origin: 'https://app.example.com',
        first,
      });
      expect(await call.closed).toMatchObject({ code: 1_000 });
    },
  );

  it('a Pipecat bot sees the upgrade request of its peer', async () => {
    const { host, lines } = await start(OBEDIENT, { webSocketAuth: 'token' });
    const { wsUrl, token } = await host.start({ transport: 'websocket' });
    const authorization = `Bearer ${String(token)}`;
    const headers = { 'x-account': 'acme', 'set-cookie': 'odd', authorization };
    await closeOf(await connect(`${String(wsUrl)}?line=2&name=a%20b`, { headers }));
    const told = JSON.parse(/told (.*)/.exec(await lines.with('told'))![1]!) as {
      headers: Record<string, string>;
    };
    expect(told).toMatchObject({
      headers: { 'x-account': 'acme', 'set-cookie': 'odd' },
      query: { line: '2', name: 'a b' },
      url: `${String(wsUrl)}?line=2&name=a%20b`,
      client: '127.0.0.1',
    });
    expect(told.headers).not.toHaveProperty('authorization');
  });

  it('a Pipecat bot sees the Bearer token of a carrier, and no key of the runner', async () => {
    const key = 'pk_0123456789abcdef';
    const { host, lines } = await start(OBEDIENT, { publicKeys: [key], allowedOrigins: [] });
    const url = host.url.replace('http', 'ws');
    for (const [authorization, isTold] of [
      ['Bearer of-the-carrier', true],
      [`Bearer ${key}`, false],
    ] as const) {
      await closeOf(await connect(`${url}/ws-client`, { headers: { authorization } }));
      const told = JSON.parse(/told (.*)/.exec(await lines.with('told'))![1]!) as object;
      expect(told).toHaveProperty('headers.upgrade', 'websocket');
      expect(JSON.stringify(told).includes(authorization)).toBe(isTold);
    }
  });

  it('a Pipecat bot receives rooms as arguments of their own classes', async () => {
    const daily = await FakeDaily.start();
    toClose.push(() => daily.close());
    const { host, lines } = await start(OBEDIENT, {
      transports: [
        DailyModule.forRoot({ apiKey: daily.apiKey, apiUrl: daily.apiUrl }),
        LiveKitModule.forRoot({
          url: 'ws://127.0.0.1:1',
          apiKey: 'key',
          apiSecret: 'a-secret-of-at-least-thirty-two-characters',
        }),
      ],
    });
    const told = async (cls: string) =>
      JSON.parse(/told (.*)/.exec(await lines.with(`"class": "${cls}"`))![1]!) as object;
    const body = { user: { id: 7 } };
    const room = await host.start({ transport: 'daily', createDailyRoom: true, body });
    expect(await told('DailyRunnerArguments')).toMatchObject({
      room_url: room.dailyRoom,
      token: expect.any(String),
      session_id: room.sessionId,
      body,
    });
    const { sessionId } = await host.start({ transport: 'livekit', body });
    expect(await told('LiveKitRunnerArguments')).toMatchObject({
      url: 'ws://127.0.0.1:1',
      token: expect.any(String),
      room_name: expect.stringMatching(/^pipecat-/),
      session_id: sessionId,
      body,
    });
  });

  it('a Pipecat bot’s relay keeps order, type and size of messages, and close codes', async () => {
    const { lines } = await start(OBEDIENT);
    const socket = await running!.open({ do: 'mirror' });
    const sent: [string, boolean][] = [];
    const back: [string, boolean][] = [];
    socket.on('message', (data: Buffer, isBinary) => back.push([data.toString('hex'), isBinary]));
    for (let i = 0; i < 100; i++) {
      const data = Buffer.alloc((i * 997) % 70_000, `${i}`);
      sent.push([data.toString('hex'), i % 3 === 0]);
      socket.send(data, { binary: i % 3 === 0 });
    }
    while (back.length < sent.length) await once(socket, 'message');
    expect(back).toEqual(sent);
    socket.close(4_001, 'bye');
    expect(await lines.with('the peer closed')).toMatch(/4001 bye$/);
    const closed = await running!.open({ do: 'close', code: 4_002, reason: 'enough' });
    expect(await closeOf(closed)).toEqual({ code: 4_002, reason: 'enough' });
  });

  it('a Pipecat bot’s last audio is delivered while it receives messages', async () => {
    await start(OBEDIENT);
    const socket = await running!.open({ do: 'flood', count: 200, bytes: 20_000 });
    let count = 0;
    socket.on('message', () => {
      count++;
      socket.send('never read');
    });
    expect(await closeOf(socket)).toMatchObject({ code: 1_000 });
    expect(count).toBe(200);
  });

  it('a Pipecat bot exits only after its last audio is delivered', async () => {
    const program = { python: OBEDIENT, pythonPath: PIPECAT_PYTHON };
    expect(await floodUnread(program, 5)).toBe(5);
  });

  it.each([
    [{ do: 'raise' }, 'The bot failed.', 'the bot threw: ValueError: this bot raises'],
    [{ do: 'exit', code: 3 }, 'The process of the bot exited with code 3.', 'exited with code 3'],
  ])('a Pipecat bot’s %j fails its session: %s', async (body, message, logged) => {
    const { lines } = await start(OBEDIENT);
    expect(await running!.endOf(body)).toMatchObject({ code: 'failed', message });
    await lines.with(logged);
  });

  it('a Pipecat bot is cancelled when it must stop, and killed when it hangs', async () => {
    const { lines, sessions } = await start(OBEDIENT, {}, { stopGraceMs: 200 });
    await running!.open({ do: 'stay' });
    await lines.with('staying');
    await sessions[0]!.end(new SessionEnd('stopped', 'enough'));
    await lines.with('cleaned up');
    await running!.open({ do: 'hang' });
    const [, pid] = /pid (\d+)/.exec(await lines.with('hanging'))!;
    await sessions[1]!.end(new SessionEnd('stopped', 'enough'));
    expect(isAlive(Number(pid))).toBe(false);
  });

  itWith('livekit-server').each([
    ['as itself', ECHO],
    ['as a bot in Node does', 'test/support/bots/obedient-bot.js'],
  ])('says back what is said in a LiveKit room, %s', async (_, bot) => {
    const server = await LiveKitTestServer.reserve();
    toClose.push(() => server.kill());
    const { url, apiKey, apiSecret } = server;
    const { host, registry } = await start(bot, {
      transports: [LiveKitModule.forRoot({ url, apiKey, apiSecret })],
    });
    await server.start(`${host.url}/livekit-webhook`);
    const answer = await host.start({ transport: 'livekit' });
    const session = registry.get(String(answer.sessionId))!;
    // Not with createTransport, which listens to users only.
    const user = new Room();
    toClose.unshift(() => user.disconnect());
    let hasHeard = false;
    const listen = async (track: RemoteTrack): Promise<void> => {
      for await (const { data } of new AudioStream(track, 8_000, 1)) {
        hasHeard ||= Math.max(...data) > 3_000;
      }
    };
    user.on(RoomEvent.TrackSubscribed, (track) => void listen(track));
    await user.connect(url, String(answer.token), { autoSubscribe: true, dynacast: false });
    const microphone = new AudioSource(8_000, 1);
    await user.localParticipant!.publishTrack(
      LocalAudioTrack.createAudioTrack('microphone', microphone),
      new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }),
    );
    while (!hasHeard) {
      await microphone.captureFrame(new AudioFrame(tone(440, 8_000, 0.02), 8_000, 1, 160));
    }
    expect(await session.end(new SessionEnd('stopped', 'enough'))).toMatchObject({
      code: 'stopped',
    });
  });
});
