import { Get } from '@nestjs/common';
import { Access, ApiRoute, RunnerController } from 'nestjs-pipecat-runner';
import { PCM_HZ } from './pcm.serializer.js';

/** `GET /pcm/format`: the format of the audio, for clients that do not know it. */
@RunnerController('pcm')
@Access('open')
export class PcmController {
  @Get('format')
  @ApiRoute({
    summary: 'Describes the audio of the pcm transport',
    answers: {
      200: {
        description: 'The format.',
        content: {
          'application/json': {
            type: 'object',
            required: ['sampleRateHz'],
            properties: { sampleRateHz: { type: 'integer' } },
          },
        },
      },
    },
  })
  format(): { sampleRateHz: number } {
    return { sampleRateHz: PCM_HZ };
  }
}
