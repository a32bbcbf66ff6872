import { InvalidOptionsError } from '../../../validation/options.js';
import type { Carrier } from './carrier.js';
import { exotel } from './exotel/exotel.carrier.js';
import { genesys } from './genesys/genesys.carrier.js';
import { plivo } from './plivo/plivo.carrier.js';
import { telnyx } from './telnyx/telnyx.carrier.js';
import { twilio } from './twilio/twilio.carrier.js';
import { vonage } from './vonage/vonage.carrier.js';
import { CallData } from '../../../bot/call-data.js';
import { objectIn } from '../../../media/serializers/json-message.js';
import { EvalSerializer, isEvalConnect } from '../../../media/serializers/eval.serializer.js';

/** Built-in carriers, one line each, in the order in which a handshake is matched. */
export const CARRIERS = [
  twilio, //
  telnyx,
  plivo,
  exotel,
  vonage,
  genesys,
] as const;

/** Wire names of the built-in carriers. */
export type CarrierName = (typeof CARRIERS)[number]['name'];

/** Reserved names: other wire names, and paths below the webhooks. */
const TAKEN =
  /^(telephony|websocket|unknown|eval|webrtc|daily|livekit|moq|vonage-video|documents)$/;

/** Carriers of one runner: those of the host, then the built-in ones. */
export class Carriers {
  readonly all: readonly Carrier[];
  readonly names: readonly string[];

  /** @throws {InvalidOptionsError} for an invalid carrier, or a reserved or duplicate name */
  constructor(own: readonly Carrier[] = []) {
    const problem = Array.isArray(own) ? problemOf(own) : 'must be a list of carriers';
    if (problem) throw new InvalidOptionsError('TelephonyModule', [`carriers ${problem}`]);
    this.all = [...own, ...CARRIERS];
    this.names = [...CARRIERS, ...own].map(({ name }) => name);
  }

  /** Returns the carrier of a wire name. */
  find(name: unknown): Carrier | undefined {
    return this.all.find((carrier) => carrier.name === name);
  }
}

/** Carriers of a runner without carriers from the host. */
export const BUILT_IN = new Carriers();

function problemOf(own: readonly Partial<Carrier>[]): string | undefined {
  const taken: string[] = CARRIERS.map(({ name }) => name);
  for (const { name, identify, serializer } of own.map((one) => one ?? {})) {
    if (typeof name !== 'string' || !/^[a-z][a-z0-9_-]*$/.test(name)) {
      return 'must have a name of small letters, digits, - and _';
    }
    if (taken.includes(name) || TAKEN.test(name)) return `must not have ${name}: the name is taken`;
    if (typeof identify !== 'function' || typeof serializer !== 'function') {
      return `must have in ${name} the methods identify() and serializer()`;
    }
    taken.push(name);
  }
  return undefined;
}

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
