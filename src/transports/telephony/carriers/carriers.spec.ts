import { describe, expect, it } from '@jest/globals';
import { CallData } from '../../../bot/call-data.js';
import { MediaUnavailableError } from '../../../bot/session-end.js';
import { CarrierApis } from '../carrier-apis.js';
import { webhookAnswer } from '../incoming-calls.js';
import { resolveTelephonyOptions } from '../telephony.options.js';
import type { BotMessage, CarrierDialect } from './carrier-dialect.js';
import type { MediaFormats } from './carrier.js';
import { BUILT_IN } from './index.js';

const facts = {
  streamId: 'stream-1',
  callId: 'call-1',
  from: '+15550001',
  to: '+15550002',
  customParameters: { plan: 'gold' },
};

const FORMATS: MediaFormats = {
  telnyxEncoding: 'PCMU',
  plivoContentType: 'audio/x-mulaw;rate=8000',
};
const INPUT = { wsUrl: 'wss://x', customParameters: {}, formats: FORMATS };

/** Start message of each carrier, as `call_data`. */
const CALL_DATA = {
  twilio: {
    stream_id: 'stream-1',
    call_id: 'call-1',
    from: '+15550001',
    to: '+15550002',
    body: { from_number: '+15550001', to_number: '+15550002', plan: 'gold' },
  },
  telnyx: {
    stream_id: 'stream-1',
    call_id: 'call-1',
    from: '+15550001',
    to: '+15550002',
    outbound_encoding: 'PCMU',
    media_format: { encoding: 'PCMU', sample_rate: 8000, channels: 1 },
    body: { plan: 'gold' },
  },
  plivo: {
    stream_id: 'stream-1',
    call_id: 'call-1',
    extra_headers: 'plan=gold',
    mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000 },
    body: { plan: 'gold' },
  },
  exotel: {
    stream_id: 'stream-1',
    call_id: 'call-1',
    account_sid: 'exotel1',
    from: '+15550001',
    to: '+15550002',
    custom_parameters: { plan: 'gold' },
    media_format: { encoding: 'base64', sample_rate: '8000', bit_rate: '128kbps' },
    body: {},
  },
};

const names = ['twilio', 'telnyx', 'plivo', 'exotel'] as const;
const carrierNamed = (name: string) => BUILT_IN.find(name);
const dialectOf = (name: string): CarrierDialect => carrierNamed(name)!.dialect!;

describe.each(names)('%s', (name) => {
  const carrier = carrierNamed(name)!;
  const messages = dialectOf(name).handshake(facts) as Record<string, unknown>[];
  const start = messages.at(-1)!;

  it('knows its own start message, and no other', () => {
    expect({ ...carrier.identify(start) }).toEqual(CALL_DATA[name]);
    for (const other of names) {
      for (const message of dialectOf(other).handshake(facts)) {
        if (message !== start && !(other === name && 'start' in message)) {
          expect(carrier.identify(message as Record<string, unknown>)).toBeUndefined();
        }
      }
    }
  });

  it('takes no start message of the wrong shape, and never throws', () => {
    for (const wrong of [null, undefined, [], 7, 'start', {}, { start: {} }, [[]]]) {
      expect(carrier.identify({ ...start, start: wrong })).toBeUndefined();
      expect(() => carrier.identify({ event: wrong, start: start.start })).not.toThrow();
    }
    const inner = start.start as Record<string, unknown>;
    for (const key of Object.keys(inner)) {
      for (const wrong of [null, 7, [], {}, '']) {
        const data = carrier.identify({ ...start, start: { ...inner, [key]: wrong } });
        for (const field of ['stream_id', 'call_id', 'from', 'to']) {
          expect(['string', 'undefined']).toContain(typeof data?.[field]);
        }
      }
    }
  });

  it('reads the media of a call, and writes what the call understands', () => {
    const dialect = dialectOf(name);
    // As it is after a trip to another process.
    const call = new CallData(JSON.parse(JSON.stringify(carrier.identify(start))) as CallData);
    const serializer = carrier.serializer(call);
    const read = (message: object) => serializer.read(Buffer.from(JSON.stringify(message)), false);
    const media = dialect.media!(facts, Buffer.alloc(320).toString('base64'), 0, 0);
    expect(read(media)).toMatchObject({ kind: 'audio', sampleRateHz: 8_000 });
    expect(read(dialect.dtmf(facts, '5', 1))).toEqual({ kind: 'dtmf', digit: '5' });
    expect(read(dialect.played!(facts, 'm', 2))).toEqual({ kind: 'mark', name: 'm' });
    const pcm = new Int16Array(serializer.output.chunkSamples);
    const said = JSON.parse(serializer.audio(pcm)!.toString()) as BotMessage;
    expect(Buffer.from(dialect.audioOf!(said)!, 'base64').length).toBeGreaterThanOrEqual(160);
    expect(JSON.parse(serializer.clear()!.toString())).toMatchObject({ event: dialect.clearEvent });
    expect(dialect.markOf!(JSON.parse(serializer.mark('m')!.toString()) as BotMessage)).toBe('m');
  });

  it('escapes what goes into its webhook answer', () => {
    const { body, contentType } = webhookAnswer(carrier, {
      wsUrl: 'wss://x/ws?a=1&b="<>',
      customParameters: { '<n>': '\u0000"&\'' },
      formats: FORMATS,
    });
    if (!contentType.startsWith('application/xml')) {
      expect((JSON.parse(body) as { websocket_url: string }).websocket_url).toBe(
        'wss://x/ws?a=1&b="<>',
      );
      return;
    }
    expect(body).toContain('wss://x/ws?a=1&amp;b=&quot;&lt;&gt;');
    if (body.includes('Parameter')) {
      expect(body).toContain('<Parameter name="&lt;n&gt;" value="&quot;&amp;&apos;"></Parameter>');
    }
  });
});

describe("Plivo's extraHeaders", () => {
  const plivo = carrierNamed('plivo')!;
  const headersOf = (customParameters: Record<string, string>) =>
    /extraHeaders="([^"]*)"/.exec(webhookAnswer(plivo, { ...INPUT, customParameters }).body)?.[1];

  it('carry what Plivo takes of the parameters, up to 512 bytes', () => {
    expect(
      headersOf({ from_number: '+15550001', to_number: '15550002', plan: 'gold', bad: 'a=b,c' }),
    ).toBe('fromnumber=15550001,tonumber=15550002,plan=gold');
    expect(headersOf({ a: '1'.repeat(508), b: '22', c: '3' })).toBe(`a=${'1'.repeat(508)}`);
    expect(headersOf({ bad: '"/>' })).toBeUndefined();
  });

  it.each(['fromnumber=1,tonumber=2', 'fromnumber=1;tonumber=2', 'x; fromnumber = 1 ,tonumber=2'])(
    'are read from %s',
    (extra_headers) => {
      const start = { streamId: 's', callId: 'c' };
      expect(plivo.identify({ event: 'start', start, extra_headers })).toMatchObject({
        from: '1',
        to: '2',
        body: { fromnumber: '1', tonumber: '2' },
      });
    },
  );
});

describe("Plivo's extra_headers", () => {
  it.each<[unknown]>([
    ['{X-PH-plan: gold, X-PH-note: a:b}'],
    ['X-PH-plan=gold;X-PH-note=a:b'],
    ['x-ph-plan=gold,note=a:b'],
    ['{"X-PH-plan":"gold","note":"a:b","X-PH-":"x"}'],
    ['{plan=gold, note=a:b}'],
    ['X-PH-plan: gold; note: a:b'],
    [{ 'X-PH-plan': 'gold', note: 'a:b' }],
  ])('are the same as %j', (extra_headers) => {
    const start = { streamId: 's', callId: 'c' };
    const call = carrierNamed('plivo')!.identify({ event: 'start', start, extra_headers });
    expect(call!.body).toEqual({ plan: 'gold', note: 'a:b' });
  });

  it.each<[unknown]>([
    ['{X-PH-callerPhone: 919353253817, X-PH-krisp: true, X-PH-note: yes, please}'],
    ['callerPhone=919353253817;krisp=true;note=yes, please'],
    ['{"callerPhone":919353253817,"krisp":true,"note":"yes, please"}'],
  ])('keep numbers, flags and commas in %j', (extra_headers) => {
    const start = { streamId: 's', callId: 'c' };
    const call = carrierNamed('plivo')!.identify({ event: 'start', start, extra_headers });
    expect(call!.body).toEqual({ callerPhone: '919353253817', krisp: 'true', note: 'yes, please' });
  });

  it.each([
    ['{X-PH-from_number: +15550001, X-PH-to_number: +15550002}'],
    ['from_number=+15550001;to_number=+15550002'],
    ['{"fromnumber":"+15550001","tonumber":"+15550002"}'],
  ])('name the numbers in %j', (extra_headers) => {
    const start = { streamId: 's', callId: 'c', extra_headers };
    const call = carrierNamed('plivo')!.identify({ event: 'start', start, extra_headers: '' });
    expect(call).toMatchObject({ from: '+15550001', to: '+15550002' });
  });

  it('are read in linear time', () => {
    const start = { streamId: 's', callId: 'c' };
    const begun = performance.now();
    for (const extra_headers of [
      ', '.repeat(30_000),
      `,${' '.repeat(60_000)}`,
      'a'.repeat(60_000),
    ]) {
      carrierNamed('plivo')!.identify({ event: 'start', start, extra_headers });
    }
    expect(performance.now() - begun).toBeLessThan(1_000);
  });

  it.each([[null], [7], ['{'], ['{}'], ['{"__proto__":"x"}'], [['a']], [{ plan: {} }]])(
    'may be anything: %j',
    (extra_headers) => {
      const start = { streamId: 's', callId: 'c' };
      const call = carrierNamed('plivo')!.identify({ event: 'start', start, extra_headers });
      expect(Object.getPrototypeOf(call!.body)).toBe(Object.prototype);
    },
  );
});

describe('withheld numbers', () => {
  it.each([null, ''])('are none: %j', (number) => {
    const start = { call_sid: 'c', stream_sid: 's', account_sid: 'a', from: number, to: number };
    const call = carrierNamed('exotel')!.identify({ event: 'start', start });
    expect(call).toMatchObject({ call_id: 'c' });
    expect([call!.from, call!.to]).toEqual([undefined, undefined]);
  });
});

describe('the codec of a call', () => {
  it.each(['audio/x-mulaw', 'mulaw', 'PCMU', 'ulaw'])('of exotel may be %s', (encoding) => {
    const call = new CallData({ stream_id: 's', media_format: { encoding, sample_rate: 8_000 } });
    const serializer = carrierNamed('exotel')!.serializer(call);
    const { chunkSamples } = serializer.output;
    const said = serializer.audio(new Int16Array(chunkSamples))!.toString();
    const { media } = JSON.parse(said) as { media: { payload: string } };
    const bytes = Buffer.from(media.payload, 'base64');
    expect(bytes.equals(Buffer.alloc(3_200, 0xff))).toBe(true);
    expect(serializer.read(Buffer.from(said), false)).toMatchObject({ sampleRateHz: 8_000 });
  });

  it('of exotel may be A-law', () => {
    const media_format = { encoding: 'audio/x-alaw;rate=8000' };
    const serializer = carrierNamed('exotel')!.serializer(new CallData({ media_format }));
    const { media } = JSON.parse(serializer.audio(new Int16Array(3_200))!.toString()) as {
      media: { payload: string };
    };
    expect(Buffer.from(media.payload, 'base64').equals(Buffer.alloc(3_200, 0xd5))).toBe(true);
  });

  const chunkOf = (carrier: string, call: Partial<CallData>) =>
    carrierNamed(carrier)!.serializer(new CallData({ stream_id: 's', ...call })).output;

  it.each<[string, Partial<CallData>, number]>([
    ['telnyx', { outbound_encoding: 'PCMA', inbound_encoding: 'G722' }, 16_000],
    ['telnyx', { inbound_encoding: 'L16', media_format: { sample_rate: 8_000 } }, 16_000],
    ['telnyx', { outbound_encoding: 'L16', media_format: { sample_rate: '16000' } }, 8_000],
    ['telnyx', {}, 8_000],
    ['plivo', { mediaFormat: { encoding: 'audio/x-l16', sampleRate: 16_000 } }, 16_000],
    ['plivo', { mediaFormat: { encoding: 'audio/x-l16', sampleRate: 1 } }, 8_000],
    ['plivo', { mediaFormat: 7 }, 8_000],
    ['exotel', { media_format: { sample_rate: '24000' } }, 24_000],
    ['exotel', { media_format: { encoding: 'audio/x-raw', sample_rate: 16_000 } }, 16_000],
    ['exotel', { media_format: { encoding: 'audio/x-l16;rate=16000' } }, 16_000],
    ['exotel', { media_format: { encoding: 'raw/slin', sample_rate: '16000Hz' } }, 16_000],
    ['exotel', { media_format: { encoding: 'audio/x-raw', sample_rate: '48000' } }, 48_000],
    ['exotel', { media_format: { sample_rate: 'many' } }, 8_000],
    ['exotel', { media_format: { sample_rate: { toString: 1, valueOf: 1 } } }, 8_000],
  ])('of %s is what its data say: %j', (carrier, call, sampleRateHz) => {
    expect(chunkOf(carrier, call).sampleRateHz).toBe(sampleRateHz);
  });

  it.each([
    [{ outbound_encoding: 'OPUS' }, /sends this call as 'OPUS'.* PCMU, PCMA, G722, L16/],
    [{ inbound_encoding: 'AMR-WB' }, /takes this call as 'AMR-WB'.* PCMU, PCMA, G722, L16/],
    [{ outbound_encoding: 'x'.repeat(1_000) }, /as 'x{40}'/],
  ])('of telnyx must be one that is understood: %j', (call, message) => {
    expect(() => chunkOf('telnyx', call)).toThrow(MediaUnavailableError);
    expect(() => chunkOf('telnyx', call)).toThrow(message);
  });

  it('is asked for in the webhook’s answer', () => {
    const answer = (carrier: string, more: Partial<MediaFormats>) =>
      webhookAnswer(carrierNamed(carrier)!, { ...INPUT, formats: { ...FORMATS, ...more } }).body;
    expect(answer('telnyx', {})).not.toContain('Codec');
    expect(answer('telnyx', { telnyxEncoding: 'L16' })).toContain(
      'bidirectionalMode="rtp" bidirectionalCodec="L16" bidirectionalSamplingRate="16000"',
    );
    expect(answer('plivo', { plivoContentType: 'audio/x-l16;rate=16000' })).toContain(
      'contentType="audio/x-l16;rate=16000"',
    );
    const call = new CallData();
    carrierNamed('telnyx')!.noteFormat!(call, { ...FORMATS, telnyxEncoding: 'G722' });
    expect(call.inbound_encoding).toBe('G722');
    expect(call.l16_byte_order).toBeUndefined();
  });

  it('of telnyx may be L16 in network byte order', () => {
    const telnyx = carrierNamed('telnyx')!;
    const [, start] = dialectOf('telnyx').handshake(facts) as Record<string, unknown>[];
    const call = telnyx.identify(start!)!;
    telnyx.noteFormat!(call, { ...FORMATS, telnyxEncoding: 'L16', telnyxL16ByteOrder: 'big' });
    const travelled = new CallData(JSON.parse(JSON.stringify(call)) as CallData);
    const said = telnyx.serializer(travelled).audio(new Int16Array(320).fill(1))!.toString();
    const { media } = JSON.parse(said) as { media: { payload: string } };
    expect(Buffer.from(media.payload, 'base64').subarray(0, 4).toString('hex')).toBe('00010001');
  });
});

describe('ending a call', () => {
  const apis = new CarrierApis(resolveTelephonyOptions({}), BUILT_IN);
  const credentials = {
    twilio: { accountSid: 'AC1', authToken: 'secret' },
    telnyx: { apiKey: 'secret' },
    plivo: { authId: 'MA1', authToken: 'secret' },
  };

  it.each([
    ['twilio', 'https://api.twilio.com', 'POST', '/2010-04-01/Accounts/AC1/Calls/c%2F1.json'],
    ['telnyx', 'https://api.telnyx.com/v2', 'POST', '/calls/c%2F1/actions/hangup'],
    ['plivo', 'https://api.plivo.com/v1', 'DELETE', '/Account/MA1/Call/c%2F1/'],
  ])('is documented by %s', (name, baseUrl, method, path) => {
    expect(apis.of(name, {})).toBeUndefined();
    const api = apis.of(name, credentials)!.calls;
    expect(api.baseUrl).toBe(baseUrl);
    expect(api.endCall('c/1')).toMatchObject({ method, path });
    expect(api.secret).toBe('secret');
  });

  it('goes to Twilio’s edge in a region', () => {
    const twilio = { ...credentials.twilio, region: 'au1', edge: 'sydney' };
    expect(apis.of('twilio', { twilio })!.calls.baseUrl).toBe('https://api.sydney.au1.twilio.com');
  });
});
