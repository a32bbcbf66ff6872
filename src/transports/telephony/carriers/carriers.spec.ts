import { describe, expect, it } from '@jest/globals';
import { CARRIER_DIALECTS } from '../../../testing/carrier-dialects.js';
import { carrierNamed, CARRIERS } from './index.js';

const facts = {
  streamId: 'stream-1',
  callId: 'call-1',
  from: '+15550001',
  to: '+15550002',
  customParameters: { plan: 'gold' },
};

/** What each carrier's start message says, as `call_data`. */
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
    body: { plan: 'gold' },
  },
  plivo: {
    stream_id: 'stream-1',
    call_id: 'call-1',
    extra_headers: 'plan=gold',
    body: { plan: 'gold' },
  },
  exotel: {
    stream_id: 'stream-1',
    call_id: 'call-1',
    account_sid: 'exotel1',
    from: '+15550001',
    to: '+15550002',
    custom_parameters: { plan: 'gold' },
    body: {},
  },
};

const names = CARRIERS.map(({ name }) => name) as (keyof typeof CALL_DATA)[];

describe.each(names)('%s', (name) => {
  const carrier = carrierNamed(name)!;
  const messages = CARRIER_DIALECTS[name].handshake(facts) as Record<string, unknown>[];
  const start = messages.at(-1)!;

  it('knows its own start message, and no other', () => {
    expect({ ...carrier.identify(start) }).toEqual(CALL_DATA[name]);
    for (const other of names) {
      for (const message of CARRIER_DIALECTS[other].handshake(facts)) {
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

  it('reads the audio of a call, and writes what the call understands', () => {
    const dialect = CARRIER_DIALECTS[name];
    expect(carrier.media.read(dialect.media(facts, 'AAEC', 0) as Record<string, unknown>)).toBe(
      'AAEC',
    );
    expect(dialect.audioOf(carrier.media.write('stream-1', 'AAEC'))).toBe('AAEC');
    for (const message of [
      {},
      { event: 'media' },
      { event: 'media', media: [] },
      { event: 'stop', media: { payload: 'A' } },
      start,
    ]) {
      expect(carrier.media.read(message)).toBeUndefined();
    }
  });

  it('escapes what goes into its webhook answer', () => {
    const { body, contentType } = carrier.webhookAnswer({
      wsUrl: 'wss://x/ws?a=1&b="<>',
      customParameters: { '<n>': '\u0000"&\'' },
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
    /extraHeaders="([^"]*)"/.exec(
      plivo.webhookAnswer({ wsUrl: 'wss://x', customParameters }).body,
    )?.[1];

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

describe('outgoing audio', () => {
  it('is what each carrier documents', () => {
    expect(carrierNamed('twilio')!.media.write('MZ1', 'AA==')).toEqual({
      event: 'media',
      streamSid: 'MZ1',
      media: { payload: 'AA==' },
    });
    expect(carrierNamed('telnyx')!.media.write('s', 'AA==')).toEqual({
      event: 'media',
      media: { payload: 'AA==' },
    });
    expect(carrierNamed('plivo')!.media.write('s', 'AA==')).toEqual({
      event: 'playAudio',
      streamId: 's',
      media: { contentType: 'audio/x-mulaw', sampleRate: 8000, payload: 'AA==' },
    });
    expect(carrierNamed('exotel')!.media.write('s', 'AA==')).toEqual({
      event: 'media',
      stream_sid: 's',
      media: { payload: 'AA==' },
    });
  });
});
