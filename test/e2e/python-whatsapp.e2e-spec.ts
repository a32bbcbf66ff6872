import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { SessionEnd, WhatsAppModule } from '../../src/index.js';
import { OPUS_OUTPUT_HZ } from '../../src/media/codecs/opus.js';
import { FakeMeta } from '../support/fake-meta.js';
import { BROWSER_OFFER } from '../support/offers.js';
import { ProcessHost } from '../support/process-host.js';
import { atRate, found, sharpened, speech } from '../support/sound.js';
import { HEARD_HZ, warmUp } from '../support/webrtc-client.js';
import { describeWith } from '../support/needs.js';

const { PIPECAT_PYTHON } = process.env;

describeWith('Pipecat')('a Python bot on WhatsApp', () => {
  let meta: FakeMeta;
  let running: ProcessHost;
  beforeAll(async () => {
    meta = await FakeMeta.start();
    await warmUp();
  });
  afterAll(() => meta.close());
  afterEach(async () => {
    await running.host.close();
    meta.reset();
  });

  async function start(env: Record<string, string> = {}): Promise<void> {
    const { token, phoneNumberId, appSecret, verifyToken, apiUrl } = meta;
    const whatsApp = { token, phoneNumberId, appSecret, verifyToken, apiUrl };
    running = await ProcessHost.start(
      {
        python: 'test/support/bots/webrtc_bot.py',
        pythonPath: PIPECAT_PYTHON,
        env: { ...process.env, ...env },
      },
      { transports: [WhatsAppModule.forRoot(whatsApp)] },
    );
    meta.webhookUrl = `${running.host.url}/whatsapp`;
  }

  const waiting = (id: string): void =>
    void meta.calls.set(id, { offer: BROWSER_OFFER, state: 'ringing', answer: undefined });

  it('answers a call, and talks until the caller hangs up', async () => {
    await start();
    const caller = await meta.call('call-1', '15550077');
    const [session] = running.sessions;
    expect(session!.transport).toBe('whatsapp');
    await running.lines.with("call_id='call-1'");
    await running.lines.with('client connected');
    let likeness = 0;
    for (let attempt = 0; attempt < 3 && likeness < 0.8; attempt++) {
      const before = caller.heard.length;
      await caller.speak(atRate(speech(3), 8_000, OPUS_OUTPUT_HZ));
      await caller.listen(0.5);
      const heard = caller.heard.subarray(before);
      likeness = found(heard, HEARD_HZ, sharpened(speech(3)), 8_000);
    }
    expect(likeness).toBeGreaterThan(0.8);
    await meta.hangUp('call-1');
    expect(await session!.ended).toMatchObject({ code: 'peer_left' });
    expect(meta.acts).toEqual(['pre_accept call-1', 'accept call-1']);
    await caller.leave();
  });

  it('hangs up when it is stopped', async () => {
    await start();
    const caller = await meta.call('call-1');
    await running.sessions[0]!.end(new SessionEnd('stopped', 'enough'));
    expect(meta.calls.get('call-1')!.state).toBe('over');
    await caller.leave();
  });

  it('leaves nothing behind when Meta refuses its answer', async () => {
    await start();
    meta.refused.add('accept');
    waiting('call-1');
    const { status, json } = await meta.ring('call-1', BROWSER_OFFER);
    expect([status, json.code]).toEqual([502, 'PROVIDER_REFUSED']);
    expect(await running.sessions[0]!.ended).toMatchObject({ code: 'start_failed' });
    await meta.asked('terminate call-1');
  });

  it('answers no call that is over before it has loaded', async () => {
    await start({ BOT_LOADS_SECS: '20' });
    waiting('call-1');
    const ringing = meta.ring('call-1', BROWSER_OFFER);
    while (running.sessions.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    await meta.hangUp('call-1');
    expect((await ringing).json).toMatchObject({ message: 'The caller hung up.' });
    expect(await running.sessions[0]!.ended).toMatchObject({ code: 'peer_left' });
    expect(meta.acts).toEqual([]);
  });
});
