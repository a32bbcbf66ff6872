import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, expect, it } from '@jest/globals';
import type * as werift from 'werift';
import {
  type ProcessBotOptions,
  type SessionEnd,
  SmallWebRtcModule,
  type SmallWebRtcOptions,
} from '../../src/index.js';
import { OPUS_OUTPUT_HZ } from '../../src/media/codecs/opus.js';
import { ChildHost } from '../support/child-host.js';
import { clientHello, connectivityCheck, dtlsRecord, Stranger } from '../support/datagrams.js';
import { gone, ProcessHost } from '../support/process-host.js';
import { post } from '../support/runner-app.js';
import { AUDIO, BROWSER_OFFER, DATA, offerOf, VIDEO } from '../support/offers.js';
import { atRate, found, sharpened, speech } from '../support/sound.js';
import {
  HEARD_HZ,
  warmUp,
  WebRtcClient,
  type WebRtcClientOptions,
} from '../support/webrtc-client.js';
import { describeWith } from '../support/needs.js';

const { PIPECAT_PYTHON } = process.env;
const BOT = 'test/support/bots/webrtc_bot.py';

interface Message {
  readonly type: string;
  readonly data: unknown;
  readonly message?: { readonly type: string };
}

/** A connectivity check whose priority has one byte instead of four. */
function malformedCheck(): Buffer {
  const check = Buffer.alloc(28);
  check.writeUInt16BE(1, 0);
  check.writeUInt16BE(8, 2);
  check.writeUInt32BE(0x2112a442, 4);
  check.writeUInt32BE(0x00240001, 20);
  return check;
}

const isPeerLeft = ({ message }: Message): boolean => message?.type === 'peerLeft';

describeWith('Pipecat')('a Python bot over SmallWebRTC', () => {
  let running: ProcessHost;
  let clients: WebRtcClient[] = [];
  const folders: string[] = [];
  beforeAll(warmUp, 60_000);
  afterEach(async () => {
    await Promise.all(clients.map((client) => client.pc.close()));
    clients = [];
    await running.host.close();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  async function start(
    webRtc: SmallWebRtcOptions = {},
    limits: Partial<ProcessBotOptions> = {},
  ): Promise<ProcessHost> {
    const program = { python: BOT, pythonPath: PIPECAT_PYTHON, ...limits };
    running = await ProcessHost.start(program as ProcessBotOptions, {
      transports: [SmallWebRtcModule.forRoot(webRtc)],
    });
    return running;
  }

  async function connect(options: Partial<WebRtcClientOptions> = {}): Promise<WebRtcClient> {
    const offerUrl = `${running.host.url}/api/offer`;
    const client = await WebRtcClient.connect({ offerUrl, ...options });
    clients.push(client);
    await running.lines.with('client connected');
    return client;
  }

  const offer = (sdp: string, more: object = {}) =>
    post(`${running.host.url}/api/offer`, { sdp, type: 'offer', ...more });

  async function patch(body: unknown) {
    const response = await fetch(`${running.host.url}/api/offer`, {
      method: 'PATCH',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
    return { status: response.status, json: await response.json() };
  }

  const endOf = (index = 0): Promise<SessionEnd> => running.sessions[index]!.ended;

  const botPid = async (): Promise<number> =>
    Number(/client connected (\d+)/.exec(await running.lines.with('client connected'))![1]);

  const tell = (client: WebRtcClient, type: string, data?: unknown): void =>
    client.send({ label: 'rtvi-ai', type: 'client-message', id: '1', data: { t: type, d: data } });

  /** Says something until the bot's own version of it comes back: a machine that is busy with other tests may be too late for some. */
  async function hearsBot(client: WebRtcClient): Promise<void> {
    let bots = 0;
    let own = 0;
    for (let attempt = 0; attempt < 3 && bots < 0.8; attempt++) {
      await client.listen(0.1);
      const before = client.heard.length;
      await client.speak(atRate(speech(3), 8_000, OPUS_OUTPUT_HZ));
      await client.listen(0.5);
      const heard = client.heard.subarray(before);
      bots = found(heard, HEARD_HZ, sharpened(speech(3)), 8_000);
      own = found(heard, HEARD_HZ, speech(3), 8_000);
    }
    expect(bots).toBeGreaterThan(0.8);
    expect(own).toBeLessThan(bots - 0.1);
  }

  it('reads what a client has said while the bot was loading', async () => {
    await start();
    const offerUrl = `${running.host.url}/api/offer`;
    const client = await WebRtcClient.connect({ offerUrl, requestData: { do: 'load late' } });
    clients.push(client);
    client.ping();
    client.send({
      label: 'rtvi-ai',
      type: 'client-ready',
      id: 'ready',
      data: { version: '1.0.0' },
    });
    await running.lines.with('client connected');
    await client.next(({ type }: Message) => type === 'bot-ready');
  });

  it('hears, speaks and exchanges messages until the client leaves', async () => {
    await start();
    const client = await connect({ requestData: { user: 7 } });
    await running.lines.with(`started ${running.sessions[0]!.id} {'user': 7}`);
    await hearsBot(client);
    tell(client, 'ask', { n: 1 });
    const answer = await client.next(({ type }: Message) => type === 'server-response');
    expect((answer as Message).data).toMatchObject({ d: { echo: { n: 1 } } });
    const pid = await botPid();
    await client.leave();
    expect(await endOf()).toMatchObject({ code: 'peer_left', message: 'The client left.' });
    await running.lines.with('client disconnected');
    await gone(pid);
    expect(running.registry.size).toBe(0);
  });

  it('gets the body and the id of its session from /start', async () => {
    await start();
    const { url } = running.host;
    const { sessionId } = await running.host.start({ transport: 'webrtc', body: { user: 8 } });
    await connect({ offerUrl: `${url}/sessions/${String(sessionId)}/api/offer` });
    await running.lines.with(`started ${String(sessionId)} {'user': 8}`);
    expect(running.sessions[0]!.botStartMs).toBeGreaterThan(0);
  });

  it('talks to text clients, whose offers have a data channel only', async () => {
    await start();
    const client = await connect({ textOnly: true });
    tell(client, 'ask', 'text');
    await client.next(({ type }: Message) => type === 'server-response');
  });

  it('tells the client that it leaves, and is completed when it returns', async () => {
    await start();
    const client = await connect();
    tell(client, 'leave');
    await client.next(isPeerLeft);
    expect(await endOf()).toMatchObject({ code: 'completed', message: 'The bot returned.' });
  });

  it.each([
    ['raises at once', { do: 'raise' }, 'ValueError: this bot raises'],
    ['raises after its conversation', { do: 'fail after' }, 'this bot raises in the end'],
  ])('fails its session when it %s', async (_, requestData, logged) => {
    await start();
    const offerUrl = `${running.host.url}/api/offer`;
    const client = await WebRtcClient.offer({ offerUrl, requestData });
    clients.push(client);
    if (requestData.do === 'fail after') {
      await client.opened();
      await running.lines.with('client connected');
      tell(client, 'leave');
    }
    expect(await endOf()).toMatchObject({ code: 'failed' });
    await running.lines.with(logged);
  });

  it('fails its session when its process exits or is killed', async () => {
    await start();
    tell(await connect(), 'fail');
    expect(await endOf()).toMatchObject({
      code: 'failed',
      message: 'The process of the bot exited with code 7.',
    });
    running.lines.all.length = 0;
    await connect();
    process.kill(await botPid(), 'SIGKILL');
    expect(await endOf(1)).toMatchObject({
      code: 'failed',
      message: 'The process of the bot was killed by SIGKILL.',
    });
  });

  it('is stopped with its session, and the client is told', async () => {
    await start();
    const client = await connect();
    const left = client.next(isPeerLeft);
    const { id } = running.sessions[0]!;
    const response = await fetch(`${running.host.url}/sessions/${id}`, { method: 'DELETE' });
    expect(response.status).toBe(200);
    expect(await endOf()).toMatchObject({ code: 'stopped' });
    await left;
  });

  it('is stopped when the runner drains, and the client is told', async () => {
    await start();
    const client = await connect();
    const left = client.next(isPeerLeft);
    await running.host.close();
    expect(await endOf()).toMatchObject({ code: 'draining' });
    await left;
  });

  it('takes candidates that follow the offer (trickle ICE)', async () => {
    await start();
    const candidates: object[] = [];
    const client = await WebRtcClient.offer({
      offerUrl: `${running.host.url}/api/offer`,
      adaptOffer: (sdp) =>
        sdp
          .replace(/^a=end-of-candidates\r\n/gm, '')
          .replace(/^a=(candidate:.*)\r\n/gm, (_, candidate: string) => {
            candidates.push({ candidate, sdp_mid: '0', sdp_mline_index: 0 });
            return '';
          }),
    });
    clients.push(client);
    expect(candidates.length).toBeGreaterThan(0);
    const pc_id = client.pcId;
    for (const candidate of [...candidates, { candidate: '', sdp_mid: '0' }]) {
      expect(await patch({ pc_id, candidates: [candidate] })).toEqual({
        status: 200,
        json: { status: 'success' },
      });
    }
    await client.opened();
    expect((await patch({ pc_id, candidates: [{ candidate: 'nonsense' }] })).status).toBe(400);
    expect((await patch({ pc_id: 'unknown', candidates })).status).toBe(404);
    // After the end of candidates.
    await patch({ pc_id, candidates });
    tell(client, 'ask', 'still there');
    await client.next(({ type }: Message) => type === 'server-response');
  });

  it('goes on after a renegotiation and with another peer connection', async () => {
    await start();
    const client = await connect();
    const { pcId } = client;
    const pid = await botPid();
    expect((await client.negotiate()).status).toBe(200);
    tell(client, 'ask', 1);
    await client.next(({ type }: Message) => type === 'server-response');
    const old = client.pc;
    running.lines.all.length = 0;
    expect((await client.negotiate({ restart: true })).status).toBe(200);
    await client.opened();
    await running.lines.with('client connected');
    expect(client.pcId).toBe(pcId);
    await old.close();
    await hearsBot(client);
    expect(await botPid()).toBe(pid);
    expect(running.sessions).toHaveLength(1);
    await client.leave();
    expect(await endOf()).toMatchObject({ code: 'peer_left' });
  });

  it('is ended when its client ends its data channels only', async () => {
    await start();
    const client = await connect();
    await client.pc.sctpTransport!.stop();
    expect(await endOf()).toMatchObject({ code: 'peer_left' });
    await running.lines.with('client disconnected');
  });

  it('survives datagrams of strangers and in the name of its client', async () => {
    const kinds: [string, () => Buffer][] = [
      ['an empty one', () => Buffer.alloc(0)],
      ['SRTP of 3,000 bytes', () => Buffer.alloc(3_000, 0x80)],
      ['an alert in the clear', () => dtlsRecord(21, Buffer.from([2, 40]))],
      ['a ClientHello', clientHello],
      ['a malformed STUN attribute', malformedCheck],
      ['an unsigned connectivity check', () => connectivityCheck('x:y')],
    ];
    await start();
    const client = await connect();
    const { nominated } = client.pc.iceTransports[0]!.connection;
    const { protocol, remoteCandidate } = nominated!;
    const target: werift.Address = [remoteCandidate.host, remoteCandidate.port];
    const stranger = await Stranger.open(target);
    for (const [kind, make] of kinds) {
      for (let i = 0; i < 10; i++) {
        await stranger.send(make());
        await protocol.sendData(make(), target);
      }
      tell(client, 'ask', kind);
      const answered = client.next(
        ({ type, data }: Message) =>
          type === 'server-response' && JSON.stringify(data).includes(kind),
      );
      const end = endOf().then(({ message }) => `${kind}: ${message}`);
      expect(await Promise.race([answered, end])).toMatchObject({ type: 'server-response' });
    }
    await stranger.close();
    expect(running.lines.all.filter((line) => line.includes('Traceback'))).toEqual([]);
  });

  it('connects while strangers send alerts in the clear', async () => {
    await start();
    const offerUrl = `${running.host.url}/api/offer`;
    const client = await WebRtcClient.offer({ offerUrl });
    clients.push(client);
    const { host, port } = client.pc.iceTransports[0]!.connection.remoteCandidates[0]!;
    const stranger = await Stranger.open([host, port]);
    const opened = client.opened();
    let isOpen = false;
    void opened.then(() => (isOpen = true));
    while (!isOpen) {
      for (const alert of [dtlsRecord(21, Buffer.from([2, 40])), Buffer.alloc(0)]) {
        await stranger.send(alert);
      }
      await sleep(1);
    }
    await stranger.close();
    tell(client, 'ask', 'afterwards');
    await client.next(({ type }: Message) => type === 'server-response');
  });

  it('is ended when its client vanishes', async () => {
    await start({ peerTimeoutMs: 3_000 });
    const client = await connect();
    client.ping();
    tell(client, 'ask', 'behind the ping');
    await client.next(({ type }: Message) => type === 'server-response');
    const startMs = Date.now();
    await client.vanish();
    expect(await endOf()).toMatchObject({ message: 'Nothing was heard of the client.' });
    expect(Date.now() - startMs).toBeLessThan(8_000);
    await running.lines.with('client disconnected');
  });

  it('is cancelled when its client never connects', async () => {
    await start({ connectTimeoutMs: 300 });
    const { status } = await offer(BROWSER_OFFER, { requestData: { do: 'wait' } });
    expect(status).toBe(200);
    expect(await endOf()).toMatchObject({ code: 'expired' });
    await running.lines.with('cleaned up');
  });

  it('answers 504 when its process does not load in time, and ends it', async () => {
    await start({ answerTimeoutMs: 500 }, { env: { ...process.env, BOT_LOADS_SECS: '20' } });
    const { status, json } = await offer(BROWSER_OFFER);
    expect([status, json.detail]).toEqual([504, 'The bot did not answer within 500 ms.']);
    expect(await endOf()).toMatchObject({ code: 'start_failed' });
  });

  it('answers 500 when it cannot be loaded', async () => {
    await start({}, { env: { ...process.env, BOT_LOADS_SECS: 'soon' } });
    const { status, json } = await offer(BROWSER_OFFER);
    expect([status, json.detail]).toEqual([
      500,
      'The bot failed before it answered; its log says why.',
    ]);
    await running.lines.with('could not convert string to float');
    expect(await endOf()).toMatchObject({ code: 'failed' });
  });

  it('answers 400 to offers that are none, and to those that it cannot answer', async () => {
    await start();
    expect((await offer('v=0')).status).toBe(400);
    expect(running.sessions).toHaveLength(0);
    const { status } = await offer(
      offerOf(
        AUDIO('0'),
        VIDEO('1').map((line) => line.replace(/VP8|H264/, 'none')),
      ),
    );
    expect(status).toBe(400);
    expect(await endOf()).toMatchObject({ code: 'start_failed' });
  });

  it('has its candidates in the range of UDP ports, and at further addresses', async () => {
    await start({ udpPortRange: [20_400, 20_449], hostAddresses: ['203.0.113.7'] });
    const { json } = await offer(offerOf(AUDIO('0'), DATA('1')));
    const candidates = String(json.sdp).match(/^a=candidate:.*$/gm)!;
    for (const candidate of candidates) {
      expect(Number(candidate.split(' ')[5]) - 20_400).toBeLessThan(50);
      expect(Number(candidate.split(' ')[5])).toBeGreaterThanOrEqual(20_400);
    }
    expect(candidates.filter((candidate) => candidate.includes(' 203.0.113.7 '))).not.toEqual([]);
  });

  it('answers the offers of ESP32 devices with what they understand', async () => {
    await start({ esp32Host: '203.0.113.7', hostAddresses: ['203.0.113.7'] });
    const { json } = await offer(offerOf(AUDIO('0'), DATA('1')));
    const lines = String(json.sdp).split('\r\n');
    const candidates = lines.filter((line) => line.startsWith('a=candidate:'));
    expect(candidates).not.toEqual([]);
    expect(candidates.every((line) => line.includes('203.0.113.7'))).toBe(true);
    const fingerprints = lines.filter((line) => line.startsWith('a=fingerprint:'));
    expect(fingerprints.every((line) => line.includes('sha-256 '))).toBe(true);
  });

  it('is refused with the line that installs it where its environment has no aiortc', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'no-aiortc-'));
    folders.push(folder);
    writeFileSync(join(folder, 'sitecustomize.py'), "import sys\nsys.modules['aiortc'] = None\n");
    await start({}, { env: { ...process.env, PYTHONPATH: folder } });
    const { status, json } = await offer(BROWSER_OFFER);
    expect(status).toBe(400);
    expect(json.detail).toContain(
      `aiortc is not installed for the bot: ${PIPECAT_PYTHON} -m pip install 'pipecat-ai[webrtc]'`,
    );
    const answer = await fetch(`${running.host.url}/status`);
    expect(await answer.json()).toMatchObject({ transports: [] });
    expect(running.sessions).toHaveLength(0);
  });

  it('loads what WebRTC needs before there is a client, in a warm process', async () => {
    await start({}, { warmProcesses: 1 });
    await running.lines.with('pipecat.transports.smallwebrtc.connection');
    expect((await offer(offerOf(AUDIO('0'), DATA('1')))).status).toBe(200);
  });

  it('runs under the standalone runner without werift', async () => {
    await start();
    const runner = await ChildHost.startWith(
      { PATH: `${dirname(PIPECAT_PYTHON!)}:${process.env.PATH}` },
      'test/support/without-werift.js',
      ...['--host', '127.0.0.1', '--port', '0', '--bot', BOT],
    );
    try {
      const status = await fetch(`${runner.url}/status`);
      expect(((await status.json()) as { transports: string[] }).transports).toContain('webrtc');
      const { json } = await post(`${runner.url}/start`, { body: { user: 9 } });
      const client = await WebRtcClient.connect({
        offerUrl: `${runner.url}/sessions/${String(json.sessionId)}/api/offer`,
      });
      clients.push(client);
      await runner.printed("{'user': 9}");
      await client.listen(0.1);
    } finally {
      await runner.kill();
    }
  });

  it('keeps others out when it is the only one allowed', async () => {
    await start({ connectionMode: 'single' });
    const client = await connect();
    expect((await offer(BROWSER_OFFER)).status).toBe(400);
    await client.leave();
    await endOf();
  });
});
