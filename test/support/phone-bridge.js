import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { PHONE_BRIDGE } from './build-phone-bridge.js';
import { EventLog } from './event-log.js';

/** The phone bridge of `phone-bridge/`: a carrier with a SIP address on loopback. */
export class PhoneBridge {
  events = new EventLog();
  #child;

  /** @param options its flags: `webhook`, and others that `phone-bridge -help` lists */
  static async start(options) {
    const bridge = new PhoneBridge();
    const flags = Object.entries(options).map(([name, value]) => `-${name}=${value}`);
    const child = spawn(PHONE_BRIDGE, flags, { stdio: ['pipe', 'pipe', 'pipe'] });
    bridge.#child = child;
    let errors = '';
    child.stderr.on('data', (chunk) => (errors += chunk.toString()));
    child.once('close', () => bridge.events.end(`The phone bridge has ended: ${errors}`));
    child.once('error', (error) => bridge.events.end(`The phone bridge: ${error.message}`));
    createInterface(child.stdout).on('line', (line) => bridge.events.add(JSON.parse(line)));
    const { sip, api } = await bridge.next('listening');
    return Object.assign(bridge, { sip, api });
  }

  /** The first event of a kind, of a call where one is named. */
  next(event, call) {
    return this.events.first(
      (one) => one.event === event && (call === undefined || one.call === call),
    );
  }

  /** Hangs up all calls, and ends. */
  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGTERM');
    await once(this.#child, 'exit');
  }
}
