import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from './chromium.js';

const CLIENT = createRequire(import.meta.url)
  .resolve('livekit-client')
  .replace(/[^/]+$/, 'livekit-client.umd.js');

const HEARD_HZ = 16_000;

/** Runs in the browser: joins, speaks what the fake microphone hears, and listens to the bot. */
const PAGE = `<!doctype html><script src="/client.js"></script><script>
const { Room, RoomEvent, Track } = LivekitClient;
let keys = '';
const state = { room: undefined, level: 0, heard: [], events: [], messages: [] };
// The sound of the microphone is what arrives.
const RAW = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
async function join(url, token) {
  const room = (state.room = new Room());
  state.events = [];
  state.heard = [];
  state.messages = [];
  room.on(RoomEvent.Disconnected, (reason) => state.events.push('disconnected ' + reason));
  room.on(RoomEvent.SignalReconnecting, () => state.events.push('reconnecting'));
  room.on(RoomEvent.Reconnected, () => state.events.push('reconnected'));
  room.on(RoomEvent.TrackSubscribed, (track, _publication, participant) => {
    if (track.kind !== Track.Kind.Audio) return;
    state.events.push('hears ' + participant.identity);
    listen(track.mediaStreamTrack);
    // Chromium decodes remote audio only while an element plays it.
    track.attach();
  });
  keys = '';
  room.on(RoomEvent.SipDTMFReceived, ({ digit }) => state.events.push('key ' + (keys += digit)));
  room.on(RoomEvent.ParticipantConnected, () => state.events.push('participant'));
  room.on(RoomEvent.DataReceived, (payload) => state.messages.push(JSON.parse(new TextDecoder().decode(payload))));
  await room.connect(url, token);
  if (room.remoteParticipants.size > 0) state.events.push('participant');
  await room.localParticipant.setMicrophoneEnabled(true, RAW);
}
function listen(mediaStreamTrack) {
  const context = new AudioContext({ sampleRate: ${HEARD_HZ} });
  const analyser = context.createAnalyser();
  const source = context.createMediaStreamSource(new MediaStream([mediaStreamTrack]));
  source.connect(analyser);
  const tap = context.createScriptProcessor(8192, 1, 1);
  tap.onaudioprocess = ({ inputBuffer }) => {
    for (const sample of inputBuffer.getChannelData(0)) state.heard.push(Math.round(sample * 32767));
  };
  source.connect(tap).connect(context.destination);
  const samples = new Float32Array(analyser.fftSize);
  setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    state.level = Math.max(state.level, Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length));
  }, 20);
}
</script>`;

/** A user in a real browser, whose microphone plays recorded speech. */
export class LiveKitUser {
  private constructor(
    private readonly browser: Browser,
    private readonly server: Server,
    readonly page: Page,
  ) {}

  /** @param microphone WAV file that the microphone plays again and again */
  static async open(microphone?: string): Promise<LiveKitUser> {
    const server = createServer((request, response) => {
      const script = request.url === '/client.js';
      response.setHeader('content-type', script ? 'text/javascript' : 'text/html');
      response.end(script ? readFileSync(CLIENT) : PAGE);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const browser = await launchChromium(microphone);
    const page = await browser.newPage();
    // Chromium gives microphones only to secure origins, and localhost counts as one.
    await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
    return new LiveKitUser(browser, server, page);
  }

  join(url: string, token: string): Promise<void> {
    return this.page.evaluate(`join(${JSON.stringify(url)}, ${JSON.stringify(token)})`);
  }

  /** Resolves once the bot was heard to speak, above this level (RMS, 1 is full scale). */
  async hearsSpeech(level = 0.01): Promise<void> {
    await this.page.waitForFunction(`state.level > ${level}`);
  }

  /** Forgets what was heard so far. */
  async listenAgain(): Promise<void> {
    await this.page.evaluate('state.level = 0');
  }

  /** All that was heard since the user joined. */
  async heard(): Promise<{ readonly pcm: Int16Array; readonly rateHz: number }> {
    const samples: number[] = await this.page.evaluate('state.heard');
    return { pcm: Int16Array.from(samples), rateHz: HEARD_HZ };
  }

  /** Resolves once the client reported this, since it joined. */
  async says(event: string): Promise<void> {
    await this.page.waitForFunction(`state.events.includes('${event}')`);
  }

  /** Sends an application message. */
  async send(message: unknown): Promise<void> {
    const data = JSON.stringify(JSON.stringify(message));
    await this.page.evaluate(
      `state.room.localParticipant.publishData(new TextEncoder().encode(${data}), { reliable: true })`,
    );
  }

  /** The first message of a type that the bot sent, now or when it comes. */
  async receives(type: string): Promise<Record<string, unknown>> {
    const find = `state.messages.find((message) => message.type === '${type}')`;
    await this.page.waitForFunction(find);
    return this.page.evaluate(find);
  }

  /** Presses a key of a phone. */
  async press(digit: string): Promise<void> {
    await this.page.evaluate(
      `state.room.localParticipant.publishDtmf('0123456789*#'.indexOf('${digit}'), '${digit}')`,
    );
  }

  leave(): Promise<void> {
    return this.page.evaluate('state.room.disconnect()');
  }

  async close(): Promise<void> {
    await this.browser.close();
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}
