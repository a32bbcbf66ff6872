import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import * as opus from 'libopus-wasm';
import * as werift from 'werift';
import { Stranger } from '../../support/datagrams.js';
import { steadyHandshake } from '../../support/steady-handshake.js';

const RATE_HZ = 48_000;
const FRAME = RATE_HZ / 50;
/** Whole periods of it fit into a frame, so that a frame can be sent again and again. */
const TONE_HZ = 1_000;
/** Largest message over the data channel that an answer allows, in bytes. */
const MAX_MESSAGE = 65_536;
/** Longest time to connect, and for an answer over the data channel, in milliseconds. */
const CONNECT_MS = 4_000;
const ANSWER_MS = 5_000;
/** Longest silence of the bot, in milliseconds: much longer than its jitter buffer and a busy machine take. */
const SILENCE_MS = 1_500;
/** Share of the tone in what is heard: the least that is taken for it. */
const PURITY = 0.5;

/** A call over WebRTC whose bot says back the tone and the messages of its client, and what it takes to send to it as anybody. */
export class WebRtcCall {
  isEnded = false;
  #answers = new Set();
  #asked = 0;
  #sequence = 0;
  #timestamp = 0;
  #lastMs = Infinity;
  #heard = [];
  /** Of sockets that are held back. */
  #sends = new Map();

  /** Connects. werift's own client fails to now and then on a busy machine, so it may try three times. */
  static async open(url, options) {
    for (let attempt = 1; ; attempt++) {
      const call = new WebRtcCall();
      try {
        await call.offer(url, options);
        await call.connected();
        return call;
      } catch (error) {
        await call.close();
        if (attempt === 3) throw error;
      }
    }
  }

  /**
   * Makes an offer, and sets its answer.
   * @param options.mute holds the client's datagrams back
   * @param options.early does not begin with SCTP
   */
  async offer(url, { mute = false, early = false } = {}) {
    this.isEarly = early;
    const pc = (this.pc = new werift.RTCPeerConnection({
      iceServers: [],
      iceUseIpv6: false,
      bundlePolicy: 'max-bundle',
      codecs: { audio: [werift.useOPUS()], video: [] },
      headerExtensions: {},
    }));
    this.audio = pc.addTransceiver('audio', { direction: 'sendrecv' });
    this.channel = pc.createDataChannel('chat', { ordered: true });
    for (const { connection } of pc.iceTransports) connection.stunServer = undefined;
    this.channel.onMessage.subscribe((data) => this.#answers.add(data.toString()));
    pc.connectionStateChange.subscribe((state) => {
      if (['closed', 'failed', 'disconnected'].includes(state)) this.isEnded = true;
    });
    this.channel.stateChanged.subscribe((state) => {
      if (state === 'closed') this.isEnded = true;
    });
    await this.#listen();
    await pc.setLocalDescription(await pc.createOffer());
    const response = await fetch(`${url}/api/offer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        sdp: pc.localDescription.sdp,
        type: 'offer',
        requestData: { bot: 'attentive' },
      }),
    });
    const answer = await response.json();
    if (response.status !== 200) throw new Error(`the offer was refused: ${answer.detail}`);
    if (mute) this.mute();
    if (early) pc.sctpTransport.start = async () => undefined;
    // werift's client breaks when a channel is acknowledged that it did not open itself, as the inputs have it.
    for (const subscription of pc.sctpTransport.sctp.onReceive.event.stack) {
      const { execute } = subscription;
      const received = async (given) => execute(...given);
      subscription.execute = (...given) => void received(given).catch(() => undefined);
    }
    steadyHandshake(pc);
    await pc.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
  }

  async connected() {
    const endMs = performance.now() + CONNECT_MS;
    const isOpen = () =>
      this.isEarly
        ? this.pc.dtlsTransports[0].state === 'connected'
        : this.channel.readyState === 'open';
    while (!isOpen()) {
      if (this.isEnded || performance.now() > endMs) throw new Error('the call did not connect');
      await sleep(5);
    }
  }

  get ice() {
    return this.pc.iceTransports[0].connection;
  }

  /** The address at which the runner has the call. */
  get target() {
    const { nominated, remoteCandidates } = this.ice;
    const { host, port } = nominated?.remoteCandidate ?? remoteCandidates[0];
    return [host, port];
  }

  /** For {@link import('../datagrams/stun.js').stunBytes}. */
  get credentials() {
    const { remoteUsername, remotePassword, localUsername } = this.ice;
    return { userName: `${remoteUsername}:${localUsername}`, password: remotePassword };
  }

  /** For {@link import('../datagrams/sctp.js').sctpBytes}. */
  get sctpState() {
    if (this.isEarly) return undefined;
    const { remoteVerificationTag, localTsn, lastReceivedTsn } = this.pc.sctpTransport.sctp;
    return {
      tag: remoteVerificationTag,
      nextTsn: Number(localTsn),
      receivedTsn: Number(lastReceivedTsn ?? 0),
    };
  }

  get sockets() {
    return this.ice.protocols.map(({ transport }) => transport);
  }

  stranger() {
    return Stranger.open(this.target);
  }

  /** Sends from the client's own address, also while its own datagrams are held back. */
  spoof(data) {
    const { protocol } = this.ice.nominated ?? { protocol: this.ice.protocols[0] };
    const { transport } = protocol;
    const send = this.#sends.get(transport) ?? transport.send;
    return send(data, this.target).catch(() => undefined);
  }

  /** Holds the client's datagrams back, or some of them. */
  mute(isHeld = () => true) {
    for (const socket of this.sockets) {
      const { send } = socket;
      this.#sends.set(socket, send);
      socket.send = async (data, to) => (isHeld(data) ? undefined : send(data, to));
    }
  }

  /** Holds the client's handshake back. */
  muteDtls() {
    this.mute(([first]) => first >= 20 && first < 64);
  }

  unmute() {
    for (const [socket, send] of this.#sends) socket.send = send;
    this.#sends.clear();
  }

  /** Sends an SCTP packet over DTLS. */
  sctp(packet) {
    return this.pc.dtlsTransports[0].sendData(packet).catch(() => undefined);
  }

  /** Encrypts an RTP packet as it is, whatever its header says, and sends it. */
  srtp(given) {
    const packet = atLeast(12, given);
    const head = packet.subarray(0, headerLength(packet));
    const [sequenceNumber, ssrc] = [packet.readUInt16BE(2), packet.readUInt32BE(8)];
    const header = {
      ...{ ssrc, sequenceNumber, serializeSize: head.length },
      serialize: () => head,
    };
    const { srtp } = this.pc.dtlsTransports[0];
    return this.spoof(srtp.encrypt(packet.subarray(head.length), header));
  }

  /** Encrypts a compound RTCP packet as it is, and sends it. */
  srtcp(packet) {
    return this.spoof(this.pc.dtlsTransports[0].srtcp.encrypt(atLeast(8, packet)));
  }

  /** Sends a message, unless it is larger than the runner takes. */
  send(message) {
    if (this.channel.readyState !== 'open' || Buffer.byteLength(message) > MAX_MESSAGE) return;
    this.channel.send(message);
  }

  /** Starts to speak, until the call is closed. The bot says back what it hears. */
  async speak() {
    const encoder = await opus.createEncoder({
      ...{ sampleRate: RATE_HZ, channels: 1, frameSize: FRAME },
      application: opus.Application.Audio,
    });
    const pcm = Int16Array.from({ length: FRAME }, (_, i) =>
      Math.round(12_000 * Math.sin((2 * Math.PI * TONE_HZ * i) / RATE_HZ)),
    );
    const startMs = performance.now();
    this.#lastMs = startMs;
    let count = 0;
    this.speaking = setInterval(() => {
      // A timer that is late makes up for it.
      for (; count * 20 < performance.now() - startMs; count++) {
        const header = new werift.RtpHeader({
          sequenceNumber: this.#sequence++ & 0xffff,
          timestamp: (this.#timestamp += FRAME) % 2 ** 32,
        });
        const packet = new werift.RtpPacket(header, Buffer.from(encoder.encode(pcm)));
        this.audio.sender.sendRtp(packet).catch(() => undefined);
      }
    }, 20);
  }

  /** Asks the bot and listens to it. @returns what is wrong, if anything is */
  async problem(answerMs = ANSWER_MS) {
    try {
      await this.#check(answerMs);
      return undefined;
    } catch (error) {
      return error.message;
    }
  }

  async #check(answerMs) {
    if (this.isEnded) throw new Error('the call has ended');
    const id = `question ${++this.#asked}`;
    this.send(JSON.stringify({ id }));
    const endMs = performance.now() + answerMs;
    const isAnswered = () => [...this.#answers].some((answer) => answer.includes(`${id}"`));
    while (!isAnswered()) {
      if (this.isEnded) throw new Error('the call has ended');
      if (performance.now() > endMs) throw new Error('the bot does not answer any more');
      await sleep(1);
    }
    this.#answers.clear();
    if (performance.now() - this.#lastMs > SILENCE_MS) throw new Error('the bot fell silent');
    const heard = this.#heard.splice(0);
    const purity = Math.max(PURITY, ...heard.map(purityOf));
    if (heard.length >= 50 && purity === PURITY) throw new Error('the bot says something else');
  }

  async #listen() {
    const decoder = await opus.createDecoder({ sampleRate: RATE_HZ, channels: 1 });
    this.pc.onTrack.subscribe((track) => {
      track.onReceiveRtp.subscribe(({ payload }) => {
        this.#lastMs = performance.now();
        try {
          if (this.#heard.push(decoder.decode(payload)) > 500) this.#heard.shift();
        } catch {
          // Not heard.
        }
      });
    });
  }

  async close() {
    clearInterval(this.speaking);
    this.isEnded = true;
    await this.pc.sctpTransport?.stop().catch(() => undefined);
    // A datagram leaves in a later tick, unless the socket is closed.
    await setImmediate();
    await this.pc.close().catch(() => undefined);
  }
}

const atLeast = (bytes, packet) =>
  Buffer.concat([packet, Buffer.alloc(Math.max(0, bytes - packet.length))]);

/** Length of an RTP header, as its receiver will read it. */
function headerLength(packet) {
  let length = 12 + 4 * (packet[0] & 15);
  if (packet[0] & 0x10 && length + 4 <= packet.length)
    length += 4 + 4 * packet.readUInt16BE(length + 2);
  return Math.min(length, packet.length);
}

/** Share of the tone in the energy of sound, 1 for nothing else. */
function purityOf(pcm) {
  const step = (2 * Math.PI * TONE_HZ) / RATE_HZ;
  let [re, im, energy] = [0, 0, 0];
  pcm.forEach((sample, i) => {
    re += sample * Math.cos(step * i);
    im += sample * Math.sin(step * i);
    energy += sample * sample;
  });
  return energy === 0 ? 0 : (2 * (re * re + im * im)) / (pcm.length * energy);
}
