import { InvalidOptionsError } from '../../../validation/options.js';
import type { Carrier } from './carrier.js';
import { exotel } from './exotel/exotel.carrier.js';
import { genesys } from './genesys/genesys.carrier.js';
import { plivo } from './plivo/plivo.carrier.js';
import { telnyx } from './telnyx/telnyx.carrier.js';
import { twilio } from './twilio/twilio.carrier.js';
import { vonage } from './vonage/vonage.carrier.js';

/** Every carrier there is, one line each, in the order in which a handshake is tried on them. */
export const CARRIERS = [
  twilio, //
  telnyx,
  plivo,
  exotel,
  vonage,
  genesys,
] as const;

/** The wire names of the carriers there are. */
export type CarrierName = (typeof CARRIERS)[number]['name'];

/** Names that are wire names of something else, or paths below the webhooks. */
const TAKEN = /^(telephony|websocket|unknown|eval|webrtc|daily|livekit|moq|documents)$/;

/** The carriers of one runner: those of the host, then the built-in ones. */
export class Carriers {
  readonly all: readonly Carrier[];
  readonly names: readonly string[];

  /** @throws {InvalidOptionsError} for what is no carrier, or has a name that is taken */
  constructor(own: readonly Carrier[] = []) {
    const problem = Array.isArray(own) ? problemOf(own) : 'must be a list of carriers';
    if (problem) throw new InvalidOptionsError('TelephonyModule', [`carriers ${problem}`]);
    this.all = [...own, ...CARRIERS];
    this.names = [...CARRIERS, ...own].map(({ name }) => name);
  }

  /** The carrier of a wire name. */
  find(name: unknown): Carrier | undefined {
    return this.all.find((carrier) => carrier.name === name);
  }
}

/** The carriers of a runner whose host has none of its own. */
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
