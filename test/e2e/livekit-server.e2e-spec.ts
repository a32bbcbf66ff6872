import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { dispose, ParticipantKind } from '@livekit/rtc-node';
import { RoomServiceClient } from 'livekit-server-sdk';
import {
  type BotSession,
  createTransport,
  LiveKitModule,
  LiveKitRunnerArguments,
  type RunnerArguments,
  SessionRegistry,
} from '../../src/index.js';
import { type HangUpOutcome } from '../../src/bot.js';
import type { Session } from '../../src/sessions/session.js';
import { EchoBot } from '../../src/standalone/echo.bot.js';
import { LiveKitTestServer } from '../support/livekit-server.js';
import { LiveKitUser } from '../support/livekit-user.js';
import { post, type RunningApp, runnerModule, startApp } from '../support/runner-app.js';
import { describeWith } from '../support/needs.js';
import { spawnHost } from '../support/spawn-host.js';

/** Echoes; or with `{"keys": true}` does what the user's keys say. */
class RoomBot extends EchoBot {
  hungUp: HangUpOutcome | undefined;
  readonly ends: string[] = [];

  override async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    if (!(args.body as { keys?: true }).keys) return super.launch(args, session);
    const transport = await createTransport(args);
    transport.on('disconnected', ({ reason }) => this.ends.push(reason));
    session.ready();
    for await (const key of transport.dtmfIn()) {
      if (key === '1') await transport.sendDtmf('42#');
      else if (key === '2') transport.close();
      else this.hungUp = await transport.hangUp();
    }
    // The session does not wait for its bot to end.
    if (!session.signal.aborted) await once(session.signal, 'abort');
  }
}

describeWith('livekit-server', 'chromium')('with a real LiveKit server and browser', () => {
  let server: LiveKitTestServer;
  let running: RunningApp;
  let rooms: RoomServiceClient;
  let user: LiveKitUser;
  const bot = new RoomBot();

  beforeAll(async () => {
    server = await LiveKitTestServer.reserve();
    const { url, apiKey, apiSecret } = server;
    running = await startApp('fastify', [
      runnerModule('forRoot', {
        launcher: { useValue: bot },
        pendingTtlMs: 6_000,
        transports: [
          LiveKitModule.forRoot({
            url,
            apiKey,
            apiSecret,
            deleteRoomOnEnd: true,
            room: { metadata: 'a room of the tests', maxParticipants: 2, emptyTimeoutMs: 60_000 },
            agent: { metadata: 'echo', attributes: { voice: 'none' } },
          }),
        ],
      }),
    ]);
    await server.start(`${running.url}/livekit-webhook`);
    rooms = new RoomServiceClient(url.replace('ws', 'http'), apiKey, apiSecret);
    user = await LiveKitUser.open();
  });
  afterAll(async () => {
    await user?.close();
    await running?.app.close();
    await server?.kill();
    await dispose();
  });

  async function call(): Promise<Session> {
    const { status, json } = await post(`${running.url}/start`, { transport: 'livekit' });
    expect(status).toBe(200);
    const session = running.app
      .get(SessionRegistry, { strict: false })
      .get(json.sessionId as string)!;
    await user.join(json.url as string, json.token as string);
    await user.listenAgain();
    await user.hearsSpeech();
    return session;
  }

  it('a LiveKit session echoes the user’s audio until the user leaves', async () => {
    const session = await call();
    const [room] = await rooms.listRooms();
    expect(room).toMatchObject({ metadata: 'a room of the tests', maxParticipants: 2 });
    const participants = await rooms.listParticipants(room!.name);
    expect(participants.map(({ identity }) => identity).sort()).toEqual([
      `Pipecat Agent-${session.id.slice(0, 8)}`,
      `User-${session.id.slice(0, 8)}`,
    ]);
    const agent = participants.find(({ identity }) => identity.startsWith('Pipecat'))!;
    expect(agent).toMatchObject({ metadata: 'echo', attributes: { voice: 'none' } });
    expect(agent.permission?.agent).toBe(true);
    expect(agent.kind).toBe(ParticipantKind.AGENT);
    await user.leave();
    const end = await session.ended;
    expect(end).toMatchObject({ code: 'peer_left', message: 'The user left the LiveKit room.' });
    expect(await rooms.listRooms()).toEqual([]);
  });

  it('a LiveKit session carries messages both ways', async () => {
    const session = await call();
    await user.send({
      label: 'rtvi-ai',
      type: 'client-ready',
      id: '1',
      data: { version: '2.1.0' },
    });
    expect(await user.receives('bot-ready')).toMatchObject({ id: '1', data: { version: '2.2.0' } });
    expect(await user.receives('bot-output')).toMatchObject({
      data: { text: expect.stringMatching(/^Hello/) },
    });
    const data = { t: 'ping', d: [1, 2] };
    await user.send({ label: 'rtvi-ai', type: 'client-message', id: '2', data });
    expect(await user.receives('server-response')).toMatchObject({ id: '2', data });
    await user.leave();
    expect((await session.ended).code).toBe('peer_left');
  });

  it('lets the process of an app end soon after it is closed, with a bot in a room', async () => {
    const { url, apiKey, apiSecret } = server;
    const file = new URL('../support/room-host.js', import.meta.url);
    const options = { url, apiKey, apiSecret, deleteRoomOnEnd: true };
    const { child, port } = await spawnHost(file, options);
    const exited = once(child, 'exit');
    try {
      await post(`http://127.0.0.1:${port}/start`, { transport: 'livekit' });
      expect(await once(child, 'message')).toContain('joined');
      child.send('close');
      expect(await once(child, 'message')).toContain('closed');
      const closedMs = Date.now();
      const [code] = (await Promise.race([exited, sleep(10_000, ['still there'])])) as unknown[];
      expect(code).toBe(0);
      expect(Date.now() - closedMs).toBeLessThan(2_000);
    } finally {
      child.kill('SIGKILL');
    }
  });

  /** Joins a bot that does what keys say. */
  async function callByKeys(): Promise<Session> {
    const { json } = await post(`${running.url}/start`, {
      transport: 'livekit',
      body: { keys: true },
    });
    const session = running.app
      .get(SessionRegistry, { strict: false })
      .get(json.sessionId as string)!;
    await user.join(json.url as string, json.token as string);
    await user.says('participant');
    return session;
  }

  it('a LiveKit session receives and sends DTMF, and removes the user on hangUp()', async () => {
    const { ended } = await callByKeys();
    await user.press('1');
    await user.says('key 42#');
    await user.press('0');
    await user.says('disconnected 4');
    expect(await ended).toMatchObject({ code: 'completed', message: 'The bot hung up.' });
    expect(bot.hungUp).toEqual({ ok: true, via: 'api' });
    expect(bot.ends.splice(0)).toEqual(['closed']);
  });

  it('a LiveKit session ends when the bot closes its transport', async () => {
    const { ended } = await callByKeys();
    await user.press('2');
    expect(await ended).toMatchObject({ code: 'completed' });
    expect(bot.ends.splice(0)).toEqual(['closed']);
    await user.leave();
  });

  it('a LiveKit room is not joined with invalid transport options', async () => {
    const args = new LiveKitRunnerArguments({ room_name: 'r', url: server.url, token: 'none' });
    await expect(createTransport(args, { sampleRateHz: 9 })).rejects.toThrow(RangeError);
    // It could be tried again: what is wrong now is the token.
    await expect(createTransport(args)).rejects.not.toThrow(/called before/);
    await expect(createTransport(args)).rejects.not.toThrow(/called before/);
  });

  it('a LiveKit session ends when its room is deleted', async () => {
    const session = await call();
    const [room] = await rooms.listRooms();
    await rooms.deleteRoom(room!.name);
    expect(['peer_left', 'completed']).toContain((await session.ended).code);
    expect(await rooms.listRooms()).toEqual([]);
  });

  it('a LiveKit session resumes when the server restarts', async () => {
    const session = await call();
    await server.kill();
    // At once: the bot's SDK gives up after some 13 s, before the user's.
    await server.start(`${running.url}/livekit-webhook`);
    await user.says('reconnecting');
    await user.says('reconnected');
    await user.listenAgain();
    await user.hearsSpeech();
    expect(session.state.name).toBe('running');
    await user.leave();
    expect((await session.ended).code).toBe('peer_left');
    expect(await rooms.listRooms()).toEqual([]);
  });

  it('a LiveKit session ends when only the bot comes back after a restart', async () => {
    const session = await call();
    await server.kill();
    await user.leave();
    await server.start(`${running.url}/livekit-webhook`);
    expect(await session.ended).toMatchObject({
      code: 'expired',
      message: 'The user did not join the LiveKit room.',
    });
    expect(await rooms.listRooms()).toEqual([]);
  });
});
