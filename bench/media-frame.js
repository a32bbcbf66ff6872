// CPU time and memory of one 20 ms frame of a phone call. Run by media.js in a separate process.
import { Resampler } from '../dist/media/resampler/resampler.js';
import { ProtobufSerializer } from '../dist/media/serializers/protobuf.serializer.js';
import { TwilioSerializer } from '../dist/transports/telephony/carriers/twilio/twilio.carrier.js';

const mulaw = Uint8Array.from(
  { length: 160 },
  (_, i) => 0x80 | Math.floor(60 * Math.abs(Math.sin(i / 9))),
);
const twilio = Buffer.from(
  JSON.stringify({
    event: 'media',
    sequenceNumber: '4',
    media: {
      track: 'inbound',
      chunk: '2',
      timestamp: '5',
      payload: Buffer.from(mulaw).toString('base64'),
    },
    streamSid: 'MZ18ad3ab5a668481ce02b83e7395059f0',
  }),
);
const phone = new TwilioSerializer('MZ18ad3ab5a668481ce02b83e7395059f0');
const client = new ProtobufSerializer(16_000);
const clientFrame = client.audio(new Int16Array(320));
const up = new Resampler(8_000, 16_000);
const down = new Resampler(16_000, 8_000);
const { pcm } = phone.read(twilio, false);
const outgoing = new Int16Array(160);

/** An echo without pacing. */
function echo() {
  down.processInto(up.process(phone.read(twilio, false).pcm), outgoing, 0);
  return phone.audio(outgoing);
}

/** The minimum of any bot behind Twilio. */
function bare() {
  const { media } = JSON.parse(twilio.toString());
  const bytes = Buffer.from(media.payload, 'base64');
  return JSON.stringify({
    event: 'media',
    streamSid: 'MZ1',
    media: { payload: bytes.toString('base64') },
  });
}

const CASES = {
  'bare: parse, base64 both ways, stringify': [bare, ''],
  'Twilio serializer, read': [() => phone.read(twilio, false), '≤ 5 µs'],
  'Twilio serializer, write': [() => phone.audio(pcm), '≤ 5 µs'],
  'protobuf serializer, read': [() => client.read(clientFrame, true), ''],
  'protobuf serializer, write': [() => client.audio(pcm), ''],
  'resample 8 to 16 kHz': [() => up.process(pcm), ''],
  'µ-law in, 16 kHz, and back out': [echo, '≤ 60 µs'],
};

const ROUNDS = 5;
const CALLS = 20_000;

const allocated = () => {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

function measure(run) {
  for (let i = 0; i < CALLS; i++) run();
  const timesUs = [];
  let bytes = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    globalThis.gc();
    const before = allocated();
    const cpu = process.cpuUsage();
    for (let i = 0; i < CALLS; i++) run();
    const { user, system } = process.cpuUsage(cpu);
    timesUs.push((user + system) / CALLS);
    bytes = Math.min(bytes, (allocated() - before) / CALLS);
  }
  return { us: timesUs.sort((a, b) => a - b)[ROUNDS >> 1], bytes };
}

const rows = {};
let bareUs;
for (const [name, [run, aim]] of Object.entries(CASES)) {
  const { us, bytes } = measure(run);
  bareUs ??= us;
  rows[name] = {
    'CPU a frame': `${us.toFixed(1)} µs`,
    'against bare': `${(us / bareUs).toFixed(1)}×`,
    'allocated a frame': `${Math.round(bytes)} B`,
    aim,
  };
}
process.send(rows);
