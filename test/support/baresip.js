import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventLog } from './event-log.js';
import { freePort } from './free-port.js';
import { TOOLS } from './tools.js';

/** Path of the softphone, where there is one. */
export const BARESIP = TOOLS.baresip.find();

/** Where Debian has its modules. */
const MODULES = ['/usr/lib/baresip/modules', '/usr/local/lib/baresip/modules'].find(existsSync);

const isReady = /baresip is ready/;

/** Between two digits: each is an event of its own. */
const KEY_GAP_MS = 300;

/** baresip, a softphone, on loopback: speaks a recording, and records what it hears. */
export class Baresip {
  events = new EventLog();
  /** Its output, for failing tests. */
  output = '';
  #child;
  #control;
  #folder;

  /** @param options `recording`: 16-bit mono WAV at 8 kHz that it speaks; `codec`: PCMU or PCMA; `user`: who calls */
  static async start({ recording, codec = 'PCMU', user = '+15550001' }) {
    const phone = new Baresip();
    const folder = await mkdtemp(join(tmpdir(), 'baresip-'));
    const controlPort = await freePort();
    await writeFile(join(folder, 'config'), config(folder, resolve(recording), controlPort));
    await writeFile(
      join(folder, 'accounts'),
      `<sip:${user}@127.0.0.1>;regint=0;audio_codecs=${codec}\n`,
    );
    await writeFile(join(folder, 'contacts'), '');
    const child = spawn(BARESIP, ['-4', '-f', folder], { stdio: ['ignore', 'pipe', 'pipe'] });
    phone.#child = child;
    phone.#folder = folder;
    const read = (chunk) => {
      const wasReady = isReady.test(phone.output);
      phone.output += chunk.toString();
      if (!wasReady && isReady.test(phone.output)) phone.events.add({ type: 'READY' });
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('close', () => phone.events.end(`baresip has ended: ${phone.output}`));
    child.once('error', (error) => phone.events.end(`baresip: ${error.message}`));
    await phone.next('READY');
    phone.#control = connect(controlPort, '127.0.0.1');
    phone.#control.on(
      'data',
      netstrings((text) => phone.events.add(JSON.parse(text))),
    );
    phone.#control.on('error', () => undefined);
    await once(phone.#control, 'connect');
    return phone;
  }

  /** The first event of a kind, such as `CALL_ESTABLISHED`. */
  next(type) {
    return this.events.first((event) => event.type === type);
  }

  /** Calls, and resolves when somebody answers. Rejects when nobody does. */
  async call(uri) {
    this.#command('dial', uri);
    const event = await this.events.first(({ type }) => /^CALL_(ESTABLISHED|CLOSED)$/.test(type));
    if (event.type === 'CALL_CLOSED') throw new Error(`The call was closed: ${event.param}`);
  }

  /** Presses keys, as RFC 4733 events. */
  async press(digits) {
    for (const digit of digits) {
      this.#command('sndcode', digit);
      await sleep(KEY_GAP_MS);
    }
  }

  hangUp() {
    this.#command('hangup');
  }

  /** Keys that it was sent, as RFC 4733 events. */
  get keys() {
    return this.events.all.flatMap(({ type, param }) =>
      type === 'CALL_DTMF_START' ? [param] : [],
    );
  }

  /** 16-bit samples at 8 kHz that it has heard. Whole after the call. */
  async heard() {
    const file = (await readdir(this.#folder)).find((name) => name.endsWith('-dec.wav'));
    const wav = await readFile(join(this.#folder, file));
    const start = wav.indexOf('data') + 8;
    return Int16Array.from({ length: (wav.length - start) >> 1 }, (_, i) =>
      wav.readInt16LE(start + i * 2),
    );
  }

  /** Ends it and what it has recorded. */
  async stop() {
    this.#control?.destroy();
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM');
      const late = setTimeout(() => this.#child.kill('SIGKILL'), 2_000);
      await once(this.#child, 'exit');
      clearTimeout(late);
    }
    await rm(this.#folder, { recursive: true });
  }

  #command(command, params = '') {
    const text = JSON.stringify({ command, params });
    this.#control.write(`${Buffer.byteLength(text)}:${text},`);
  }
}

/** Sound comes from a file, and goes to a recording and to nobody. */
const config = (folder, recording, controlPort) => `poll_method epoll
sip_listen 127.0.0.1:0
net_interface 127.0.0.1
rtp_ports 20000-40000
audio_source aufile,${recording}
audio_player aubridge,nil
audio_alert aubridge,nil
audio_buffer 20-160
jitter_buffer_delay 5-10
snd_path ${folder}
module_path ${MODULES}
module g711.so
module aubridge.so
module aufile.so
module sndfile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:${controlPort}
`;

/** Reader of netstrings: `5:hello,`. */
function netstrings(take) {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const colon = rest.indexOf(':');
      const end = colon + 1 + Number(rest.subarray(0, colon).toString());
      if (colon < 0 || rest.length <= end) return;
      take(rest.subarray(colon + 1, end).toString());
      rest = rest.subarray(end + 1);
    }
  };
}
