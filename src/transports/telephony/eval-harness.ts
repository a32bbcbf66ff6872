import { CallData } from '../../bot/call-data.js';
import { objectIn } from '../../media/serializers/json-message.js';
import { EvalSerializer, isEvalConnect } from '../../media/serializers/eval.serializer.js';
import type { Carrier } from './carriers/carrier.js';

/** Connection flags of the harness, off by default. Source: Pipecat's `EvalConnectionFlags`. */
const FLAGS = ['skip_tts', 'capture_bot_audio', 'capture_bot_images'] as const;

/** Pipecat's eval harness, `pipecat eval`: simulates a user over RTVI. */
export const evalHarness: Carrier = {
  name: 'eval',

  identify(message) {
    if (!isEvalConnect(message)) return undefined;
    const asked = objectIn(objectIn(message, 'data'), 'd');
    return new CallData({
      body: Object.fromEntries(FLAGS.map((flag) => [flag, asked[flag] === true])),
    });
  },

  serializer: ({ body }) => new EvalSerializer({ capturesAudio: body.capture_bot_audio === true }),
};
