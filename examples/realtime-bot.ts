import { once } from 'node:events';
import { Injectable } from '@nestjs/common';
import {
  BotLauncher,
  type BotSession,
  createTransport,
  type MediaTransport,
  type RunnerArguments,
} from 'nestjs-pipecat-runner';
import { bytesFromPcm, pcmFromBytes } from 'nestjs-pipecat-runner/bot';
import { WebSocket } from 'ws';

/** Both directions of the service are 16-bit mono at this rate. */
const RATE_HZ = 24_000;
const FORMAT = { type: 'audio/pcm', rate: RATE_HZ };

/** Connects whoever calls to a speech-to-speech service that speaks OpenAI's Realtime protocol. */
@Injectable()
export class RealtimeBot extends BotLauncher {
  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const transport = await createTransport(args, { sampleRateHz: RATE_HZ });
    const service = new WebSocket(process.env.REALTIME_URL!, {
      headers: { authorization: `Bearer ${process.env.REALTIME_API_KEY}` },
    });
    service.on('error', ({ message }) => session.logger.warn(`the service failed: ${message}`));
    try {
      await once(service, 'open', { signal: session.signal });
      await this.bridge(transport, service, session);
    } finally {
      service.close();
    }
  }

  private async bridge(transport: MediaTransport, service: WebSocket, session: BotSession) {
    const over = new AbortController();
    service.on('close', () => over.abort());
    const send = (event: object) => service.send(JSON.stringify(event));
    send({
      type: 'session.update',
      session: {
        type: 'realtime',
        instructions: 'You are on the phone. Be brief.',
        audio: {
          input: { format: FORMAT, turn_detection: { type: 'server_vad' } },
          output: { format: FORMAT },
        },
      },
    });

    let answer: { itemId: string; startsAtMs: number } | undefined;
    service.on('message', (data: Buffer) => {
      const event = JSON.parse(data.toString()) as RealtimeEvent;
      if (event.type === 'response.output_audio.delta') {
        if (answer?.itemId !== event.item_id) {
          const { totalPlayedMs, queuedMs } = transport.playback;
          answer = { itemId: event.item_id, startsAtMs: totalPlayedMs + queuedMs };
        }
        const pcm = pcmFromBytes(Buffer.from(event.delta, 'base64'));
        void transport.sendAudio({ pcm, sampleRateHz: RATE_HZ });
      } else if (event.type === 'response.output_audio.done') {
        // Once it is played there is nothing left to interrupt.
        void transport.mark('answer').then(() => {
          if (answer?.itemId === event.item_id) answer = undefined;
        });
      } else if (event.type === 'input_audio_buffer.speech_started' && answer) {
        // The caller interrupts: silence at once, and the service learns how much was heard.
        const { totalPlayedMs } = transport.clear();
        send({
          type: 'conversation.item.truncate',
          item_id: answer.itemId,
          content_index: 0,
          audio_end_ms: Math.max(0, Math.round(totalPlayedMs - answer.startsAtMs)),
        });
        answer = undefined;
      } else if (event.type === 'error') {
        session.logger.warn(`the service says: ${event.error.message}`);
      }
    });

    session.ready();
    for await (const { pcm } of transport.audioIn(over.signal)) {
      send({ type: 'input_audio_buffer.append', audio: bytesFromPcm(pcm).toString('base64') });
    }
  }
}

type RealtimeEvent =
  | { type: 'response.output_audio.delta'; item_id: string; delta: string }
  | { type: 'response.output_audio.done'; item_id: string }
  | { type: 'input_audio_buffer.speech_started' }
  | { type: 'error'; error: { message: string } };
