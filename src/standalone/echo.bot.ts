import { Injectable } from '@nestjs/common';
import type { RawData } from 'ws';
import { BotLauncher } from '../bot/bot-launcher.js';
import type { BotSession } from '../bot/bot-session.js';
import type { RunnerArguments } from '../bot/runner-arguments.js';
import { readMessageFrame, writeMessageFrame } from '../media/message-frame.js';
import type { Carrier, CarrierMessage } from '../transports/telephony/carriers/carrier.js';
import { carrierNamed } from '../transports/telephony/carriers/index.js';
import { WebSocketRunnerArguments } from '../websocket/websocket-runner-arguments.js';

/** Past this much unsent audio the peer is not listening; more of it would only fill the memory. */
const MAX_BUFFERED_BYTES = 1_048_576;

/** The bot of the standalone runner when none is given: says back what it hears. */
@Injectable()
export class EchoBot extends BotLauncher {
  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    if (!(args instanceof WebSocketRunnerArguments)) {
      throw new Error(
        `the built-in echo bot cannot join ${session.transport}; run one that can with --bot`,
      );
    }
    const { websocket } = args;
    const carrier = carrierNamed(args.transport_type);
    const answer = carrier ? phoneEcho(carrier, args.call_data?.stream_id ?? '') : clientEcho;
    websocket.on('message', (data: RawData, isBinary) => {
      if (websocket.bufferedAmount > MAX_BUFFERED_BYTES) return;
      const said = answer(data as Buffer, isBinary);
      if (said !== undefined) websocket.send(said);
    });
    session.ready();
    await new Promise<void>((resolve) => {
      if (session.signal.aborted) resolve();
      else session.signal.addEventListener('abort', () => resolve());
    });
  }
}

type Echo = (data: Buffer, isBinary: boolean) => Buffer | string | undefined;

/** Echoes the audio of a call, in messages as large as the carrier wants them. */
function phoneEcho({ media }: Carrier, streamId: string): Echo {
  const { minBytes = 1, multipleOfBytes = 1 } = media;
  let waiting = Buffer.alloc(0);
  return (data, isBinary) => {
    const payload = isBinary ? undefined : media.read(parse(data));
    if (payload === undefined) return undefined;
    if (minBytes === 1) return JSON.stringify(media.write(streamId, payload));
    waiting = Buffer.concat([waiting, Buffer.from(payload, 'base64')]);
    if (waiting.length < minBytes) return undefined;
    const length = waiting.length - (waiting.length % multipleOfBytes);
    const audio = waiting.subarray(0, length);
    waiting = waiting.subarray(length);
    return JSON.stringify(media.write(streamId, audio.toString('base64')));
  };
}

/** Echoes the frames of a plain client, and tells an RTVI client that the bot is there. */
const clientEcho: Echo = (data, isBinary) => {
  const text = isBinary ? readMessageFrame(data) : undefined;
  if (text === undefined) return isBinary ? data : data.toString();
  const message = parse(text);
  if (message.label !== 'rtvi-ai') return data;
  if (message.type !== 'client-ready') return undefined;
  return writeMessageFrame(
    JSON.stringify({
      label: 'rtvi-ai',
      type: 'bot-ready',
      id: message.id,
      data: { version: '2.1.0', about: { library: 'nestjs-pipecat-runner' } },
    }),
  );
};

function parse(data: Buffer | string): CarrierMessage {
  try {
    const message: unknown = JSON.parse(data.toString());
    return typeof message === 'object' && message !== null ? (message as CarrierMessage) : {};
  } catch {
    return {};
  }
}
