import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { WebSocket } from 'ws';
import {
  BotLauncher,
  DailyModule,
  LiveKitModule,
  type ProcessBotOptions,
  type RunnerModuleExtras,
  type RunnerOptions,
  SmallWebRtcModule,
  TelephonyModule,
  SessionEnd,
} from '../../src/index.js';
import { MULAW } from '../../src/media/codecs/g711.js';
import { ChildHost } from '../support/child-host.js';
import { FakeCarrierApi } from '../support/fake-carrier-api.js';
import { FakeGenesys } from '../support/fake-genesys.js';
import { FakeDaily } from '../support/fake-daily.js';
import { descendantsOf, floodUnread, gone, isAlive, ProcessHost } from '../support/process-host.js';
import { closeOf, connect, nextText, post } from '../support/runner-app.js';
import { similarity, tone } from '../support/sound.js';

const BOT = 'test/support/bots/obedient-bot.js';
const LIVEKIT = LiveKitModule.forRoot({
  url: 'ws://127.0.0.1:1',
  apiKey: 'key',
  apiSecret: 'a-secret-of-at-least-thirty-two-characters',
});
const speech = tone(440, 8_000, 0.5);

let running: ProcessHost | undefined;
const toClose: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await running?.host.close();
  for (const close of toClose.splice(0)) await close();
  running = undefined;
});

/** A host with a bot that does as told. */
async function start(
  program: Partial<ProcessBotOptions> = {},
  options: RunnerOptions & RunnerModuleExtras = {},
): Promise<ProcessHost> {
  running = await ProcessHost.start({ module: BOT, ...program } as ProcessBotOptions, options);
  return running;
}

const open = (body: object) => running!.open(body);

/** Sends messages of 16 KB that each begin with their number, as `doze` expects. */
function sendNumbered(socket: WebSocket, count: number): void {
  for (let i = 0; i < count; i++) {
    const data = Buffer.alloc(16_384);
    data.writeUInt32BE(i);
    socket.send(data);
  }
}

describe('a call from Genesys to a bot in a process of its own', () => {
  const callFrom = ({ host }: ProcessHost, body = {}): FakeGenesys =>
    new FakeGenesys({
      url: `${host.url.replace('http', 'ws')}/ws?body=${btoa(JSON.stringify(body))}`,
      pingIntervalMs: 50,
    });

  it('is opened before the process is there, and numbered on by the runner', async () => {
    const call = callFrom(await start());
    await call.next('opened');
    expect(running!.sessions[0]!.state.name).toBe('launching');
    const voice = MULAW.encode(tone(440, 8_000, 0.2));
    call.speak(voice);
    await call.heard(voice.length);
    await call.next('pong');
    call.close('end');
    await expect(call.closed).resolves.toMatchObject({ code: 1000 });
    expect(call.messages.filter(({ type }) => type === 'opened')).toHaveLength(1);
    expect(call.messages.filter(({ type }) => type === 'closed')).toHaveLength(1);
    expect(call.violations).toEqual([]);
    await expect(running!.sessions[0]!.ended).resolves.toMatchObject({ code: 'peer_left' });
  });

  it('is disconnected as finished when the bot hangs up', async () => {
    const call = callFrom(await start(), { do: 'hangUp' });
    await call.next('opened');
    await expect(call.closed).resolves.toMatchObject({ code: 1000 });
    expect(call.messages.filter(({ type }) => type === 'disconnect')).toMatchObject([
      { parameters: { outputVariables: { action: 'finished' } } },
    ]);
    expect(call.violations).toEqual([]);
    expect(await running!.lines.with('hung up')).toContain('{"ok":true,"via":"connection"}');
  });

  it('is disconnected in the order of the protocol when the process is stopped', async () => {
    const call = callFrom(await start());
    const voice = MULAW.encode(tone(440, 8_000, 0.2));
    await call.next('opened');
    call.speak(voice);
    await call.heard(voice.length);
    void running!.sessions[0]!.end(new SessionEnd('stopped', 'enough'));
    await expect(call.closed).resolves.toMatchObject({ code: 1000 });
    expect(call.messages.filter(({ type }) => type === 'disconnect')).toHaveLength(1);
    expect(call.violations).toEqual([]);
  });
});

describe('a bot behaves the same in the runner’s process and in its own:', () => {
  const inside = {
    useFactory: async () => {
      const { default: bot } = (await import(`../../${BOT}`)) as { default: BotLauncher['launch'] };
      return new (class extends BotLauncher {
        launch = bot;
      })();
    },
  };

  it.each([
    ['inside', { launcher: inside }],
    ['outside', {}],
  ])('phone calls, clients, arguments and close codes, %s', async (_, options) => {
    const { host, sessions } = await start({}, options);
    const call = await host.call({ carrier: 'twilio' });
    await call.speak(speech, { pace: 'asap' });
    await call.heard(3_500);
    expect(similarity(call.audio, 8_000, speech, 8_000)).toBeGreaterThan(0.95);
    await call.hangUp();
    expect(await sessions[0]!.ended).toMatchObject({ code: 'peer_left' });
    expect(sessions[0]!.context.mediaStats).toMatchObject({ audioIn: 25 });

    const client = await host.connect();
    await client.speak(tone(440, 16_000, 0.5), { pace: 'asap' });
    await client.heard(10_000);
    expect(similarity(client.audio, 24_000, speech, 8_000)).toBeGreaterThan(0.9);
    await client.leave();
    expect(await sessions[1]!.ended).toMatchObject({ code: 'peer_left' });

    const exotel = await host.call({ carrier: 'exotel', from: '+15550001', body: { do: 'tell' } });
    expect(await exotel.closed).toMatchObject({ code: 1000 });
    expect(exotel.messages).toEqual([
      expect.objectContaining({
        class: 'WebSocketRunnerArguments',
        callDataClass: 'ExotelCallData',
        transport: 'exotel',
        transport_type: 'exotel',
        call_data: expect.objectContaining({ from: '+15550001', call_id: exotel.facts.callId }),
        body: { do: 'tell' },
        id: sessions[2]!.id,
        session_id: sessions[2]!.id,
        claims: {},
        pipeline_idle_timeout_secs: 300,
      }),
    ]);
    expect(exotel.messages[0]!.pid === process.pid).toBe(_ === 'inside');
    expect(await sessions[2]!.ended).toMatchObject({ code: 'completed' });

    const closed = await open({ do: 'close', code: 4_002, reason: 'enough' });
    expect(await closeOf(closed)).toEqual({ code: 4_002, reason: 'enough' });
    expect(await sessions[3]!.ended).toMatchObject({ code: 'completed' });

    expect(await closeOf(await open({ do: 'terminate' }))).toMatchObject({ code: 1_006 });
    expect(await sessions[4]!.ended).toMatchObject({ code: 'completed' });

    expect(await closeOf(await open({ do: 'throw' }))).toEqual({
      code: 1_011,
      reason: 'The bot failed.',
    });
  });

  it.each([
    ['inside', { launcher: inside }],
    ['outside', {}],
  ])('the peer’s upgrade request without the runner’s token, %s', async (_, options) => {
    const { host } = await start({}, { webSocketAuth: 'token', ...options });
    const { wsUrl, token } = await host.start({ transport: 'websocket', body: { do: 'tell' } });
    const url = `${String(wsUrl)}?line=2&token=${String(token)}&name=a%20b&line=3`;
    const socket = await connect(url, { headers: { 'x-account': 'acme', 'set-cookie': 'odd' } });
    const { upgrade } = JSON.parse(await nextText(socket)) as { upgrade: object };
    expect(upgrade).toEqual({
      path: '/ws-client',
      query: 'line=2&name=a%20b&line=3',
      headers: expect.objectContaining({ 'x-account': 'acme', 'set-cookie': ['odd'] }),
      isSecure: false,
      remoteAddress: '127.0.0.1',
      remotePort: expect.any(Number),
    });
  });

  it.each([
    ['inside', { launcher: inside }],
    ['outside', {}],
  ])('functions that the client runs over RTVI, %s', async (_, options) => {
    const { host, lines } = await start({}, options);
    const client = await host.connect({ body: { do: 'rtvi' } });
    expect((await client.ready()).data).toMatchObject({ capabilities: { audio_in: true } });
    client.send('ui-event', { event: 'locate', payload: { precise: true } });
    const { data: call } = await client.next('llm-function-call-in-progress');
    expect(call).toMatchObject({ function_name: 'locate', arguments: { precise: true } });
    client.send('llm-function-call-result', { ...call, result: { city: 'Ulm' } });
    const { data } = await client.next('server-message');
    expect(data).toEqual({ outcome: { city: 'Ulm' } });
    client.send('ui-event', { event: 'never' });
    await client.next('llm-function-call-in-progress');
    await client.leave();
    expect(await lines.with('outcome "')).toMatch(/outcome "ended"/);
  });

  it('reads a carrier’s handshake itself exactly once', async () => {
    const { host, lines } = await start();
    await (
      await host.call({ carrier: 'plivo', body: { do: 'parse' } })
    ).closed;
    expect(await lines.with('parsed')).toMatch(/parsed "plivo" "plivo"/);
  });

  it.each([
    [{ ok: true, via: 'api' }, true],
    [{ ok: true, via: 'connection' }, false],
  ])('hangs up: %j', async (outcome, byApi) => {
    const api = await FakeCarrierApi.start();
    toClose.push(() => api.close());
    const credentials = byApi ? api.credentials : undefined;
    const { host, lines, sessions } = await start(
      {},
      { transports: [TelephonyModule.forRoot({ credentials })] },
    );
    const call = await host.call({ carrier: 'twilio', body: { do: 'hangUp' } });
    api.whenEnded = () => call.hangUp();
    await call.closed;
    expect(await sessions[0]!.ended).toMatchObject({ code: 'completed' });
    expect(await lines.with('hung up')).toContain(JSON.stringify(outcome));
    expect(api.over.has(call.facts.callId)).toBe(byApi);
  });
});

describe('the relay between a bot process and its peer', () => {
  it('keeps order, type and size of messages, and the close code', async () => {
    const { lines } = await start();
    const socket = await open({ do: 'mirror' });
    const sent: [string, boolean][] = [];
    const back: [string, boolean][] = [];
    socket.on('message', (data: Buffer, isBinary) => back.push([data.toString('hex'), isBinary]));
    for (let i = 0; i < 200; i++) {
      const data = Buffer.alloc((i * 997) % 70_000, `${i}`);
      const binary = i % 3 === 0;
      sent.push([data.toString('hex'), binary]);
      socket.send(data, { binary });
    }
    while (back.length < sent.length) await once(socket, 'message');
    expect(back).toEqual(sent);
    socket.close(4_001, 'bye');
    expect(await lines.with('the peer closed')).toMatch(/4001 bye$/);
  });

  it('delivers everything that a bot sends before it returns', async () => {
    const { sessions } = await start();
    const socket = await open({ do: 'flood', count: 200, bytes: 20_000 });
    const first: number[] = [];
    socket.on('message', (data: Buffer) => first.push(data[0]!));
    expect(await closeOf(socket)).toMatchObject({ code: 1_000 });
    expect(first).toEqual(Array.from({ length: 200 }, (_, i) => i % 256));
    expect(await sessions[0]!.ended).toMatchObject({ code: 'completed' });
  });

  it('delivers it although the bot has read nothing of what the peer sends', async () => {
    const { sessions } = await start();
    const socket = await open({ do: 'flood', count: 200, bytes: 20_000 });
    // More than the kernel and the runner hold.
    sendNumbered(socket, 200);
    const first: number[] = [];
    socket.on('message', (data: Buffer) => first.push(data[0]!));
    expect(await closeOf(socket)).toMatchObject({ code: 1_000 });
    expect(first).toHaveLength(200);
    expect(await sessions[0]!.ended).toMatchObject({ code: 'completed' });
  });

  it('ends only after the bot’s last audio is delivered', async () => {
    expect(await floodUnread({ module: BOT }, 5)).toBe(5);
  });

  it('applies backpressure to a peer when the bot does not read, without loss', async () => {
    const { lines } = await start();
    const socket = await open({ do: 'doze' });
    await lines.with('dozing');
    const COUNT = 2_000;
    sendNumbered(socket, COUNT);
    // Of 32 MB, all that is not waiting here waits in the runner or the kernel.
    await sleep(200);
    expect(socket.bufferedAmount).toBeGreaterThan(20_000_000);
    socket.close();
    expect(await lines.with('heard')).toContain(`heard ${COUNT}`);
  });
});

describe('a peer that disconnects abruptly', () => {
  it('is read to the end by a bot that has not listened until then', async () => {
    const { lines, sessions } = await start();
    const socket = await open({ do: 'doze' });
    await lines.with('dozing');
    // More than the kernel takes, less than what slows the peer down.
    const COUNT = 24;
    sendNumbered(socket, COUNT);
    (socket as unknown as { _socket: Socket })._socket.end();
    expect(await lines.with('heard')).toContain(`heard ${COUNT}`);
    expect(await sessions[0]!.ended).toMatchObject({ code: 'peer_left' });
  });
});

describe('a bot process', () => {
  it.each([
    [{ do: 'exit', code: 3 }, 'The process of the bot exited with code 3.', 'exited with code 3'],
    [{ do: 'exit', code: 0 }, 'The process of the bot exited with code 0.', 'exited with code 0'],
    [{ do: 'uncaught' }, 'The process of the bot exited with code 1.', 'thrown beside launch()'],
    [{ do: 'abort' }, 'The process of the bot was killed by SIGABRT.', 'killed by SIGABRT'],
    [{ do: 'throw' }, 'The bot failed.', 'the bot threw: TypeError: this bot throws'],
    [{ do: 'throwOddly' }, 'The bot failed.', 'the bot threw: object that cannot be turned into'],
    [{ do: 'listenOddly' }, 'A listener of the bot threw.', 'a listener of the bot threw: object'],
    [{ do: 'listenToSocketOddly' }, 'A listener of the bot threw.', 'a listener of the bot threw'],
  ])('failure %j fails only its own session: %s', async (body, message, logged) => {
    const { host, lines } = await start();
    const other = await host.call({ carrier: 'twilio' });
    await other.speak(speech, { pace: 'asap' });
    await other.heard(800);
    expect(await running!.endOf(body)).toMatchObject({ code: 'failed', message });
    await lines.with(logged);
    const before = other.audioBytes.length;
    await other.speak(speech, { pace: 'asap' });
    await other.heard(before + 800);
    await other.hangUp();
  });

  it('is killed over its memory limit', async () => {
    await start({ memoryLimitBytes: 250_000_000 });
    expect(await running!.endOf({ do: 'leak' })).toMatchObject({
      code: 'failed',
      message: 'The process of the bot had more than 250000000 bytes of memory.',
    });
  });

  it('is killed with its child processes when it hangs', async () => {
    const { host, lines, sessions } = await start({ stopGraceMs: 100, killGraceMs: 100 });
    const socket = await open({ do: 'hang' });
    const [, pid, started] = /pid (\d+) (\d+)/.exec(await lines.with('hanging'))!;
    expect(isAlive(Number(pid)) && isAlive(Number(started))).toBe(true);
    const closed = closeOf(socket);
    const response = await fetch(`${host.url}/sessions/${sessions[0]!.id}`, { method: 'DELETE' });
    expect(response.ok).toBe(true);
    expect(await closed).toMatchObject({ code: 1_000 });
    expect(await sessions[0]!.ended).toMatchObject({ code: 'stopped' });
    expect(isAlive(Number(pid))).toBe(false);
    await gone(Number(started));
    await lines.with('the bot did not end within 100 ms; killing it');
  });

  it('is killed when its session ends', async () => {
    const { lines, sessions } = await start({ stopGraceMs: 60_000 }, { stopGraceMs: 100 });
    await open({ do: 'hang' });
    const [, pid] = /pid (\d+)/.exec(await lines.with('hanging'))!;
    await sessions[0]!.end(new SessionEnd('stopped', 'enough'));
    expect(isAlive(Number(pid))).toBe(false);
  });

  it('receives the reason why it must stop', async () => {
    const { lines, sessions } = await start();
    await open({ do: 'stay' });
    await lines.with('staying');
    expect(await sessions[0]!.end(new SessionEnd('stopped', 'enough'))).toMatchObject({
      code: 'stopped',
    });
    await lines.with('asked to stop: stopped enough');
  });

  it('ends with a draining runner', async () => {
    const { host, lines, sessions } = await start({ warmProcesses: 1 });
    const socket = await open({ do: 'stay' });
    await lines.with('staying');
    const processes = descendantsOf(process.pid);
    expect(processes).toHaveLength(2);
    await Promise.all([closeOf(socket), host.close()]);
    await lines.with('asked to stop: draining');
    expect(await sessions[0]!.ended).toMatchObject({ code: 'draining' });
    expect(processes.filter(isAlive)).toEqual([]);
  });

  it('logs its output to its session, line by line, with endless lines cut', async () => {
    const { lines } = await start();
    await running!.endOf({ do: 'print', length: 20_000 });
    expect(lines.all).toContain('log printed to stdout');
    expect(lines.all).toContain('warn printed to stderr');
    expect(lines.all).toContain('log redover');
    expect(lines.all).toContain(`log ${'x'.repeat(8_192)}…`);
    expect(lines.all).toContain('debug 2026-01-01 00:00:00.000 | DEBUG    | bot:x:1 - as loguru');
  });

  it('has no session data on its command line or in its environment', async () => {
    const { lines } = await start();
    const socket = await open({ do: 'stay', secret: 'a-secret' });
    const [, pid] = /pid (\d+)/.exec(await lines.with('staying'))!;
    for (const file of ['cmdline', 'environ']) {
      expect(readFileSync(`/proc/${pid}/${file}`, 'utf8')).not.toContain('a-secret');
    }
    socket.close();
  });
});

describe('rooms for bot processes', () => {
  it('arrive as arguments of their own classes', async () => {
    const daily = await FakeDaily.start();
    toClose.push(() => daily.close());
    const { host, lines } = await start(
      { warmProcesses: 2 },
      {
        transports: [DailyModule.forRoot({ apiKey: daily.apiKey, apiUrl: daily.apiUrl }), LIVEKIT],
      },
    );
    const body = { do: 'tell', user: 7 };
    const room = await host.start({ transport: 'daily', createDailyRoom: true, body });
    expect(await lines.with('"class":"DailyRunnerArguments"')).toContain(
      `"room_url":"${String(room.dailyRoom)}"`,
    );
    const { sessionId } = await host.start({ transport: 'livekit', body });
    expect(await lines.with('"class":"LiveKitRunnerArguments"')).toContain(
      `"id":"${String(sessionId)}"`,
    );
  });

  it('are supported beside WebSockets; WebRTC is disabled with the reason', async () => {
    const { host } = await start({}, { transports: [SmallWebRtcModule.forRoot()] });
    const { status, json } = await post(`${host.url}/start`, { transport: 'webrtc' });
    expect(status).toBe(400);
    expect(json.detail).toMatch(/webrtc_connection cannot travel to the process of a bot/);
  });
});

/** Message of a shell to the runner. */
const LOADED = `echo '{"type":"loaded"}' >&3`;

describe('any program', () => {
  it('that speaks the protocol is a bot', async () => {
    const { host, lines, sessions } = await start(
      {
        module: undefined,
        command: 'sh',
        args: ['-c', `${LOADED}; read line <&3; echo "$line"; echo '{"type":"done"}' >&3`],
      },
      { transports: [LIVEKIT] },
    );
    const { sessionId } = await host.start({ transport: 'livekit', body: { user: 7 } });
    expect(await sessions[0]!.ended).toMatchObject({ code: 'completed' });
    const { args, ...rest } = JSON.parse((await lines.with('"start"')).slice(4)) as {
      args: object;
    };
    expect(rest).toEqual({
      type: 'start',
      session: { id: sessionId, transport: 'livekit', claims: {} },
      handshake: [],
      requests: expect.any(String),
      canHangUp: true,
    });
    expect(args).toMatchObject({
      type: 'LiveKitRunnerArguments',
      url: 'ws://127.0.0.1:1',
      session_id: sessionId,
      body: { user: 7 },
    });
  });
});

describe('a program that is no bot:', () => {
  const sleeper = { module: undefined, command: 'sleep', args: ['1000'] };
  it.each([
    [
      'does not get ready',
      { ...sleeper, startTimeoutMs: 200 },
      'The process of the bot was not loaded within 200 ms.',
    ],
    [
      'is not there',
      { module: undefined, command: '/no/such/program' },
      'The process of the bot could not be started: spawn /no/such/program ENOENT.',
    ],
    [
      'speaks another protocol',
      { module: undefined, command: 'sh', args: ['-c', 'echo hello >&3; sleep 1000'] },
      'The process of the bot said what is no message of the protocol.',
    ],
    [
      'goes when it should start',
      { module: undefined, command: 'sh', args: ['-c', `${LOADED}; read line <&3; exit 7`] },
      'The process of the bot exited with code 7.',
    ],
    [
      'cannot be loaded',
      { module: 'test/support/child-host.ts' },
      'The bot cannot be loaded; the log says why.',
    ],
  ])('%s: the session fails, and the next one tries again', async (_, program, message) => {
    await start({ ...program, warmProcesses: 1 });
    for (let i = 0; i < 2; i++) {
      expect(await running!.endOf({})).toMatchObject({ code: 'failed', message });
    }
  });

  it('is not waited for when the client disconnects', async () => {
    const { sessions } = await start(sleeper);
    const socket = await open({});
    const [pid] = descendantsOf(process.pid);
    socket.close();
    expect(await sessions[0]!.ended).toMatchObject({ code: 'peer_left' });
    expect(isAlive(pid!)).toBe(false);
  });
});

describe('the pool of bot processes', () => {
  it('answers sooner with warm processes', async () => {
    /** Time to the first message of a bot, and the process that sent it. */
    const answer = async (): Promise<{ ms: number; pid: number }> => {
      const before = performance.now();
      const socket = await open({ do: 'tell' });
      const { pid } = JSON.parse(await nextText(socket)) as { pid: number };
      return { ms: performance.now() - before, pid };
    };
    const { host } = await start();
    const cold = await answer();
    await host.close();
    const { lines } = await start({
      env: { ...process.env, GREETING: 'loaded' },
      warmProcesses: 1,
    });
    await lines.with('loaded');
    const waiting = descendantsOf(process.pid);
    const warm = await answer();
    expect(waiting).toContain(warm.pid);
    expect(warm.ms).toBeLessThan(cold.ms);
  });

  it('runs many processes', async () => {
    const { host, sessions } = await start();
    const heard = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const voice = tone(200 + 40 * i, 8_000, 0.3);
        const call = await host.call({ carrier: 'twilio' });
        await call.speak(voice, { pace: 'asap' });
        await call.heard(2_000);
        await call.hangUp();
        return similarity(call.audio, 8_000, voice, 8_000);
      }),
    );
    expect(Math.min(...heard)).toBeGreaterThan(0.9);
    await Promise.all(sessions.map(({ ended }) => ended));
    expect(descendantsOf(process.pid)).toEqual([]);
  });

  it('has none left whose runner has closed its connection, and lives', async () => {
    const child = spawn(process.execPath, ['dist/process/host/bot-host.js', BOT], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      detached: true,
    });
    const control = child.stdio[3] as Socket;
    await once(control, 'data');
    control.destroy();
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
  });

  it('kills all processes with a killed runner, even hanging ones', async () => {
    const runner = await ChildHost.start(
      'dist/main.js',
      ...['--host', '127.0.0.1', '--port', '0', '--isolate', '--bot', BOT],
    );
    toClose.push(() => runner.kill());
    for (const deed of ['hang', 'stay']) {
      const { json } = await post(`${runner.url}/start`, {
        transport: 'websocket',
        body: { do: deed },
      });
      const socket = await connect(String(json.wsUrl));
      socket.on('error', () => undefined);
      await runner.printed(deed === 'hang' ? 'hanging' : 'staying');
    }
    const processes = descendantsOf(runner.child.pid!);
    // Two with a conversation, what one of them has started, and one that waits.
    expect(processes.length).toBeGreaterThanOrEqual(3);
    await runner.kill();
    await Promise.all(processes.map(gone));
  });
});
