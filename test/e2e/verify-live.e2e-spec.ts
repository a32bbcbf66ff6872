import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { FakeCarrierApi } from '../support/fake-carrier-api.js';
import { FakeDaily } from '../support/fake-daily.js';
import { FakeMeta } from '../support/fake-meta.js';
import { LiveKitTestServer } from '../support/livekit-server.js';
import { itWith } from '../support/needs.js';

describe('verify:live', () => {
  const toClose: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of toClose.splice(0)) await close();
  });

  /** Runs it with these variables and no others of the machine's. */
  async function verify(names: string[], env: Record<string, string>) {
    const child = spawn(process.execPath, ['scripts/verify-live.js', ...names], {
      env: { PATH: process.env.PATH, ...env },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text: Buffer) => (output += text.toString()));
    }
    const [code] = (await once(child, 'exit')) as [number];
    // LiveKit's library logs as well.
    const lines = output.split('\n').filter((line) => /^\w+: /.test(line));
    return { code, lines, output };
  }

  const CALL = {
    PUBLIC_URL: 'https://bot.example.com',
    CALL_FROM: '+15550001',
    CALL_TO: '+15550002',
  };
  const ACCOUNTS = {
    twilio: { TWILIO_ACCOUNT_SID: 'AC1', TWILIO_AUTH_TOKEN: 'twilio-secret' },
    telnyx: {
      TELNYX_API_KEY: 'telnyx-secret',
      TELNYX_ACCOUNT_SID: 'TA1',
      TELNYX_APPLICATION_ID: 'APP1',
    },
    plivo: { PLIVO_AUTH_ID: 'MA1', PLIVO_AUTH_TOKEN: 'plivo-secret' },
  };

  it.each(['twilio', 'telnyx', 'plivo'] as const)(
    'places a call with %s and cancels it, without telling a secret',
    async (carrier) => {
      const api = await FakeCarrierApi.start();
      toClose.push(() => api.close());
      const env = { ...CALL, ...ACCOUNTS[carrier], [`${carrier.toUpperCase()}_API_URL`]: api.url };
      const { code, lines, output } = await verify([carrier], env);
      expect({ code, lines }).toEqual({
        code: 0,
        lines: ['the call was accepted', 'the call was cancelled', 'PASSED'].map(
          (line) => `${carrier}: ${line}`,
        ),
      });
      expect(api.placed).toHaveLength(1);
      expect(output).toContain(`pipecat-runner -t ${carrier}`);
      expect(output).not.toContain('-secret');
    },
  );

  it('names what refuses, without the secret, and exits with 1', async () => {
    const api = await FakeCarrierApi.start();
    toClose.push(() => api.close());
    api.misbehaviours.push({ status: 401, body: { message: 'No such token: twilio-secret' } });
    const env = { ...CALL, ...ACCOUNTS.twilio, TWILIO_API_URL: api.url };
    const { code, output } = await verify(['twilio'], env);
    expect(code).toBe(1);
    expect(output).toMatch(/^twilio: FAILED: .*401/m);
    expect(output).not.toContain('twilio-secret');
  });

  it('makes a room of Daily that ends with its session', async () => {
    const daily = await FakeDaily.start();
    toClose.push(() => daily.close());
    const env = { DAILY_API_KEY: daily.apiKey, DAILY_API_URL: daily.apiUrl };
    const { code, lines } = await verify(['daily'], env);
    expect({ code, lines }).toEqual({
      code: 0,
      lines: [
        'daily: a room and a token were made',
        'daily: the room ended with its session',
        'daily: PASSED',
      ],
    });
  });

  itWith('livekit-server')('meets its bot in a room of LiveKit', async () => {
    const server = await LiveKitTestServer.reserve();
    toClose.push(() => server.kill());
    await server.start('http://127.0.0.1:1/');
    const { code, lines } = await verify(['livekit'], {
      LIVEKIT_URL: server.url,
      LIVEKIT_API_KEY: server.apiKey,
      LIVEKIT_API_SECRET: server.apiSecret,
    });
    expect({ code, lines }).toEqual({
      code: 0,
      lines: [
        'livekit: a user joined',
        'livekit: the bot joined',
        'livekit: the bot left when its session ended',
        'livekit: PASSED',
      ],
    });
  });

  it('asks Meta for the number, and its own webhook for the challenge', async () => {
    const meta = await FakeMeta.start();
    toClose.push(() => meta.close());
    const { code, lines } = await verify(['whatsapp'], {
      WHATSAPP_TOKEN: meta.token,
      WHATSAPP_PHONE_NUMBER_ID: meta.phoneNumberId,
      WHATSAPP_APP_SECRET: 'app-secret',
      WHATSAPP_WEBHOOK_VERIFICATION_TOKEN: 'verify-me',
      WHATSAPP_API_URL: meta.apiUrl,
    });
    expect({ code, lines }).toEqual({
      code: 0,
      lines: [
        'whatsapp: Meta knows the token and the number',
        'whatsapp: the webhook answers the challenge',
        'whatsapp: PASSED',
      ],
    });
  });

  it('skips providers without credentials, and names the variables', async () => {
    expect(await verify(['plivo', 'daily'], { PLIVO_AUTH_ID: 'MA1', ...CALL })).toMatchObject({
      code: 0,
      lines: [
        'plivo: SKIPPED, for want of PLIVO_AUTH_TOKEN',
        'daily: SKIPPED, for want of DAILY_API_KEY',
      ],
    });
  });
});
