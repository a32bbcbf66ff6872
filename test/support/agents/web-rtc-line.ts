import { EventEmitter, once } from 'node:events';
import * as opus from 'libopus-wasm';
import {
  createOpusEncoder,
  OPUS_OUTPUT_HZ,
  type OpusEncoder,
} from '../../../src/media/codecs/opus.js';
import { post } from '../runner-app.js';
import { HEARD_HZ, NotConnectedError, WebRtcClient } from '../webrtc-client.js';
import type { AgentBody, AgentHost } from './agent-host.js';
import { Caller } from './caller.js';

const RATES = { sentHz: OPUS_OUTPUT_HZ, heardHz: HEARD_HZ };
const PACKET = OPUS_OUTPUT_HZ / 50;

/** The end of a {@link Caller} over WebRTC, without a browser. */
export class WebRtcLine extends EventEmitter<{ audio: []; left: [] }> {
  readonly closed: Promise<unknown>;
  private isOpen = true;

  constructor(
    readonly client: WebRtcClient,
    private readonly encoder: OpusEncoder,
  ) {
    super();
    this.closed = Promise.race([once(client, 'closed'), once(this, 'left')]).then(() => {
      this.isOpen = false;
      encoder.free();
    });
    client.on('heard', () => this.emit('audio'));
  }

  get audio(): Int16Array {
    return this.client.heard;
  }

  /** Sends a frame of 20 ms; what is missing of it is silence. */
  async speak(pcm: Int16Array): Promise<void> {
    if (!this.isOpen) return;
    const frame = new Int16Array(PACKET);
    frame.set(pcm);
    // What is on its way when the connection ends is lost.
    await this.client.sendPacket(Buffer.from(this.encoder.encode(frame))).catch(() => undefined);
  }

  async leave(): Promise<void> {
    this.isOpen = false;
    await this.client.leave();
    this.emit('left');
  }
}

/** Calls the bot over WebRTC. */
export async function callOverWebRtc(
  host: AgentHost,
  body: AgentBody = {},
): Promise<Caller<WebRtcLine>> {
  for (let attempt = 1; ; attempt++) {
    const { sessionId } = await post(`${host.url}/start`, { transport: 'webrtc', body });
    try {
      const offerUrl = `${host.url}/sessions/${sessionId}/api/offer`;
      const client = await WebRtcClient.connect({ offerUrl });
      return new Caller(new WebRtcLine(client, await createOpusEncoder(opus)), sessionId, RATES);
    } catch (error) {
      // Code that runs for the first time on a busy machine takes too long for the client's own WebRTC.
      if (!(error instanceof NotConnectedError) || attempt === 4) throw error;
    }
  }
}
