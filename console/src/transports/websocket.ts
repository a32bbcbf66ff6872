import { ProtobufFrameSerializer, WebSocketTransport } from '@pipecat-ai/websocket-transport';
import { BrowserMedia } from '../audio/browser-media.js';
import { measureRoundTrip, RunnerProblem } from '../runner-api.js';
import type { Line } from './line.js';

type Options = NonNullable<ConstructorParameters<typeof WebSocketTransport>[0]>;

/** The first byte of a Frame that holds an interruption: field 5, with a length. */
const INTERRUPTION = (5 << 3) | 2;

/** Understands interruptions, which the published serializer reports as an error. */
class Serializer extends ProtobufFrameSerializer {
  constructor(private readonly media: BrowserMedia) {
    super();
  }

  override async deserialize(data: Blob): ReturnType<ProtobufFrameSerializer['deserialize']> {
    const [first] = new Uint8Array(await data.slice(0, 1).arrayBuffer());
    if (first !== INTERRUPTION) return super.deserialize(data);
    this.media.clearBotAudio();
    return { type: 'audio', audio: new Int16Array(0) };
  }
}

/** Says why the socket did not open or was closed; a good end of the conversation is none of its errors. */
class Transport extends WebSocketTransport {
  override async _connect(params?: { wsUrl?: string; token?: string }): Promise<void> {
    await super._connect(params).catch(() => {
      const { origin, pathname } = new URL(params?.wsUrl ?? '', location.href);
      throw new RunnerProblem(
        `No WebSocket could be opened to ${origin}${pathname}. Is it let through by what is in between?`,
      );
    });
  }

  override initializeWebsocket(): ReturnType<WebSocketTransport['initializeWebsocket']> {
    const socket = super.initializeWebsocket();
    socket.removeAllListeners('close');
    socket.on('close', (code: number, reason: string) => {
      if (code === 1000)
        this._callbacks.onBotDisconnected?.({ id: 'bot', name: 'bot', local: false });
      else this.connectionError(reason || `The connection broke off (${code}).`);
    });
    return socket;
  }
}

/** PCM over a WebSocket. */
export function websocket(): Line {
  const media = new BrowserMedia({ pcm: true });
  const transport = new Transport({
    // Its type can be had only by inheriting from a media manager that opens audio contexts of its own.
    mediaManager: media as unknown as Options['mediaManager'],
    serializer: new Serializer(media),
  });
  return {
    transport,
    // It takes nothing but these, and a browser can send a token only in the URL, which it sees to.
    connectParams: ({ wsUrl, token }) => ({ wsUrl, ...(token !== undefined && { token }) }),
    stats: async () => ({ roundTripMs: await measureRoundTrip() }),
    statsNote:
      'The round trip is that of HTTP requests to the runner: browsers measure nothing on a WebSocket, and TCP loses no packets.',
  };
}
