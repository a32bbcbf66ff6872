import { Injectable } from '@nestjs/common';
import {
  RunnerTransport,
  SessionTokens,
  type StartContext,
  TransportRegistry,
} from 'nestjs-pipecat-runner';
import { PCM } from './pcm.media.js';

/** `POST /start` with `{ "transport": "pcm" }`: answers with the URL to connect to. */
@Injectable()
export class PcmTransport extends RunnerTransport {
  readonly names = [PCM];

  constructor(
    private readonly tokens: SessionTokens,
    registry: TransportRegistry,
  ) {
    super();
    registry.register(this);
  }

  start({ session, baseUrl }: StartContext): Record<string, string> {
    return this.tokens.webSocketAnswer(session, baseUrl.webSocketUrl('/pcm'));
  }
}
