import { type LoggerService } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  createTransport,
  DailyModule,
  RunnerModule,
  type Session,
  SessionRegistry,
  TelephonyModule,
  WebSocketModule,
  SessionEnd,
} from '../../src/index.js';
import { placeCall, RecordingLauncher } from '../../src/testing/index.js';
import { FakeDaily } from '../support/fake-daily.js';
import {
  closeOf,
  connect,
  PLATFORMS,
  post,
  type RunningApp,
  startApp,
} from '../support/runner-app.js';

/** Keeps what is logged, as whose line it is and what it says. */
class Lines implements LoggerService {
  readonly of: [context: string, text: string][] = [];
  private readonly keep = (message: unknown, ...rest: unknown[]): void => {
    this.of.push([String(rest.at(-1)), [message, ...rest.slice(0, -1)].map(String).join(' ')]);
  };
  readonly log = this.keep;
  readonly warn = this.keep;
  readonly error = this.keep;
  readonly debug = this.keep;
  readonly verbose = this.keep;
}

let running: RunningApp | undefined;
let daily: FakeDaily | undefined;
afterEach(async () => {
  await running?.app.close();
  await daily?.close();
  running = daily = undefined;
});

describe.each(PLATFORMS)('the log on %s', (platform) => {
  it('has the session id on every line of a session, of the runner and of the bot', async () => {
    daily = await FakeDaily.start();
    const launcher = new RecordingLauncher(async (args, session) => {
      session.ready();
      session.logger.log('the bot says hello');
      if (args.body === 'throw') throw new Error('the bot broke');
      if (args.body === 'listener') {
        const transport = await createTransport(args);
        transport.on('audio', () => {
          throw new Error('a listener broke');
        });
      }
      // Deaf to its signal.
      if (args.body === 'deaf') await new Promise(() => undefined);
      await (session as Session).ended;
    });
    running = await startApp(platform, [
      RunnerModule.forRoot({
        launcher: { useValue: launcher },
        transports: [
          WebSocketModule.forRoot(),
          TelephonyModule.forRoot(),
          DailyModule.forRoot({
            apiKey: daily.apiKey,
            apiUrl: daily.apiUrl,
            deleteRoomOnEnd: true,
          }),
        ],
        stopGraceMs: 1,
      }),
    ]);
    const { app, url } = running;
    const sessions = app.get(SessionRegistry, { strict: false });
    const lines = new Lines();
    app.useLogger(lines);

    const startOf = async (body: unknown, transport = 'websocket') => {
      const createDailyRoom = transport === 'daily';
      const { json, sessionId } = await post(`${url}/start`, { transport, body, createDailyRoom });
      return { ...json, sessionId } as Record<string, unknown>;
    };
    const ids: unknown[] = [];
    const ended = (id: unknown) => {
      ids.push(id);
      return sessions.get(id as string)!.ended;
    };

    const failing = await startOf('throw');
    const failed = ended(failing.sessionId);
    await connect(failing.wsUrl as string);
    await failed;

    const deaf = await startOf('deaf');
    const outlived = ended(deaf.sessionId);
    (await connect(deaf.wsUrl as string)).close();
    await outlived;

    const listening = await startOf('listener', 'twilio');
    const broke = ended(listening.sessionId);
    const call = await placeCall({ carrier: 'twilio', url: listening.wsUrl as string });
    call.socket.send('no JSON');
    await call.speak(new Int16Array(160), { pace: 'asap' });
    await broke;

    const nobody = await startOf(undefined, 'plivo');
    const noCall = ended(nobody.sessionId);
    const socket = await connect(nobody.wsUrl as string);
    socket.send('{}');
    socket.send('{}');
    await closeOf(socket);
    await noCall;

    const meeting = await startOf(undefined, 'daily');
    const over = ended(meeting.sessionId);
    daily.misbehaviours.push({ status: 403 });
    await sessions.get(meeting.sessionId as string)!.end(new SessionEnd('stopped', 'enough'));
    await over;

    const contexts = new Set(lines.of.map(([context]) => context));
    expect([...contexts].sort()).toEqual(ids.map((id) => `Session ${String(id)}`).sort());
    const text = lines.of.map(([, line]) => line).join('\n');
    for (const written of [
      'the bot says hello',
      'the bot threw: Error: the bot broke',
      'the bot did not return within 1 ms',
      'the other side sent',
      'a listener of the bot threw',
      'no call: ',
      'releasing a resource failed',
      'ended: stopped',
    ]) {
      expect(text).toContain(written);
    }
  });
});
