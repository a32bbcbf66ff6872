import type { Carrier } from './carrier.js';
import { exotel } from './exotel.carrier.js';
import { plivo } from './plivo.carrier.js';
import { telnyx } from './telnyx.carrier.js';
import { twilio } from './twilio.carrier.js';

/** Every carrier there is, one line each, in the order in which a handshake is tried on them. */
export const CARRIERS: readonly Carrier[] = [twilio, telnyx, plivo, exotel];

/** The carrier of a wire name. */
export const carrierNamed = (name: string | undefined): Carrier | undefined =>
  CARRIERS.find((carrier) => carrier.name === name);
