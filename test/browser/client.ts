import { type Participant, PipecatClient, RTVIEvent, type Transport } from '@pipecat-ai/client-js';
import { MoqTransport } from '@pipecat-ai/moq-transport';
import { SmallWebRTCTransport } from '@pipecat-ai/small-webrtc-transport';
import {
  TwilioSerializer,
  WavMediaManager,
  WebSocketTransport,
} from '@pipecat-ai/websocket-transport';
import { Heard } from './heard.js';

/** Internals of the SmallWebRTC transport, which it uses when a network fails. */
interface Inside {
  readonly pc: RTCPeerConnection;
  attemptReconnection(recreatePeerConnection: boolean): Promise<void>;
}

/** A page that talks to bots through Pipecat's published packages, with nothing of them replaced. Tests call it from outside. */
class Client {
  readonly events: string[] = [];
  readonly messages: unknown[] = [];
  readonly heard = new Heard();
  private pipecat!: PipecatClient;
  private inside!: Inside;
  private wakers: (() => void)[] = [];

  /** Starts a bot, and resolves once it is ready. */
  async connect(
    transport: 'webrtc' | 'websocket' | 'moq',
    url: string,
    body: object,
  ): Promise<void> {
    const endpoint = `${url}/start`;
    const requestData = { transport, body: { from: 'browser', ...body } };
    if (transport === 'webrtc') {
      const webRtc = new SmallWebRTCTransport({ mediaManager: new WavMediaManager() });
      this.inside = webRtc as unknown as Inside;
      this.make(webRtc);
      await this.pipecat.initDevices();
      // On reconnecting it stops the tracks of its old connection, which are the new one's as well.
      webRtc.tracks().local.audio!.stop = () => undefined;
      await this.pipecat.startBotAndConnect({ endpoint, requestData });
    } else if (transport === 'moq') {
      // The answer of `/start` says which relay it is.
      this.make(new MoqTransport({ relayUrl: url }));
      this.heard.listenToDecoders();
      await this.pipecat.startBotAndConnect({ endpoint, requestData });
    } else {
      this.make(new WebSocketTransport({ mediaManager: this.media(16_000, 24_000) }));
      await this.pipecat.startBotAndConnect({ endpoint, requestData });
    }
  }

  /** Starts a bot as a page that plays a call of Twilio's, and resolves once the call is announced. */
  async call(url: string): Promise<void> {
    const transport = new WebSocketTransport({
      mediaManager: this.media(8_000, 8_000),
      serializer: new TwilioSerializer(),
      recorderSampleRate: 8_000,
      playerSampleRate: 8_000,
    });
    this.make(transport);
    // Without RTVI nobody says `bot-ready`, so that this only ends with an error.
    const failed = this.pipecat.startBotAndConnect({
      endpoint: `${url}/start`,
      requestData: { transport: 'twilio', body: { from: 'browser' } },
    });
    await Promise.race([this.says('ready'), failed]);
    transport.sendRawMessage({ event: 'connected', protocol: 'Call', version: '1.0.0' });
    const start = { streamSid: 'MZ1', callSid: 'CA1' };
    transport.sendRawMessage({ event: 'start', streamSid: 'MZ1', start });
  }

  private media(recorderHz: number, playerHz: number): WavMediaManager {
    const media = new WavMediaManager(512, recorderHz);
    const play = media.bufferBotAudio.bind(media);
    media.bufferBotAudio = (pcm, id) => {
      this.heard.add(
        new Int16Array(pcm instanceof Int16Array ? pcm.slice().buffer : pcm),
        playerHz,
      );
      return play(pcm, id);
    };
    return media;
  }

  /** @param username at the TURN servers, in place of the runner's */
  useRelaysOnly(username: string): void {
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(configuration?: RTCConfiguration) {
        const iceServers = configuration?.iceServers?.map((server) => ({ ...server, username }));
        super({ ...configuration, iceServers, iceTransportPolicy: 'relay' });
      }
    };
  }

  private make(transport: Transport): void {
    this.pipecat = new PipecatClient({
      transport,
      enableMic: true,
      enableCam: false,
      callbacks: {
        onTransportStateChanged: (state) => this.note(state),
        onBotReady: ({ version }) => this.note(`bot ready ${version}`),
        onUserTranscript: ({ text, final }) => {
          if (final) this.note(`user: ${text}`);
        },
        onBotOutput: ({ text }) => this.note(`bot: ${text}`),
        onServerMessage: (message: unknown) => {
          this.messages.push(message);
          this.wake();
        },
        onTrackStarted: (track: MediaStreamTrack, participant?: Participant) => {
          if (!participant?.local && track.kind === 'audio') void this.heard.listenTo(track);
        },
      },
    });
    this.pipecat.on(RTVIEvent.Disconnected, () => this.note('gone'));
  }

  send(type: string, data: unknown): void {
    this.pipecat.sendClientMessage(type, data);
  }

  request(type: string, data: unknown): Promise<unknown> {
    return this.pipecat.sendClientRequest(type, data, 5_000);
  }

  mute(muted: boolean): void {
    this.pipecat.enableMic(!muted);
  }

  /** @returns when it began to leave, in milliseconds since 1970 */
  leave(): number {
    const now = Date.now();
    void this.pipecat.disconnect();
    return now;
  }

  /** Makes the peer connection anew, as the transport does when the old one failed. */
  async reconnect(): Promise<void> {
    const { pc } = this.inside;
    await this.inside.attemptReconnection(true);
    if (this.inside.pc === pc) throw new Error('It is the same connection.');
    await this.connected();
    // It forgets the new track when the old one ends.
    await this.heard.listenTo(this.inside.pc.getReceivers()[0]!.track);
  }

  /** Restarts ICE under the connection there is, and resolves when it goes on with another pair of candidates. */
  async restartIce(): Promise<void> {
    const { pc } = this.inside;
    const ufrag = (): string | undefined => /ice-ufrag:(.*)/.exec(pc.remoteDescription!.sdp)?.[1];
    const before = ufrag();
    pc.restartIce();
    await this.inside.attemptReconnection(false);
    if (this.inside.pc !== pc || ufrag() === before) throw new Error('ICE was not restarted.');
    await this.connected();
  }

  private async connected(): Promise<void> {
    const { pc } = this.inside;
    while (pc.connectionState !== 'connected' || pc.iceConnectionState === 'checking') {
      await new Promise((resolve) =>
        pc.addEventListener('connectionstatechange', resolve, { once: true }),
      );
    }
  }

  /** The kinds of the two candidates that the connection goes through. */
  async pair(): Promise<string[]> {
    const reports = [...(await this.inside.pc.getStats()).values()] as Record<string, unknown>[];
    const pair = reports.find(({ type, nominated, state }) => {
      return type === 'candidate-pair' && nominated && state === 'succeeded';
    });
    return [pair?.localCandidateId, pair?.remoteCandidateId].map((id) =>
      String(reports.find((report) => report.id === id)?.candidateType),
    );
  }

  /** Resolves once there was such an event. */
  async says(event: string): Promise<void> {
    while (!this.events.includes(event)) await this.change();
  }

  /** Resolves with the n-th message of the bot's. */
  async message(index: number): Promise<unknown> {
    while (this.messages.length <= index) await this.change();
    return this.messages[index];
  }

  private note(event: string): void {
    this.events.push(event);
    this.wake();
  }

  private change(): Promise<void> {
    return new Promise((resolve) => this.wakers.push(resolve));
  }

  private wake(): void {
    this.wakers.splice(0).forEach((wake) => wake());
  }
}

// A browser takes the echo out of what it hears, and the echo is what is measured here.
const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = ({ audio, ...constraints } = {}) => {
  const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  return getUserMedia({
    ...constraints,
    ...(audio && { audio: { ...(audio === true ? {} : audio), ...raw } }),
  });
};

Object.assign(window, { client: new Client() });
