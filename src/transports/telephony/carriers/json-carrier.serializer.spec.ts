import { describe, expect, it } from '@jest/globals';
import { L16 } from '../../../media/codecs/audio-codec.js';
import { ALAW, MULAW } from '../../../media/codecs/g711.js';
import { G722 } from '../../../media/codecs/g722.js';
import { ExotelSerializer } from './exotel/exotel.carrier.js';
import type { MediaSerializer } from '../../../media/serializers/media-serializer.js';
import { PlivoSerializer } from './plivo/plivo.serializer.js';
import { TELNYX_ENCODINGS, TelnyxSerializer } from './telnyx/telnyx.serializer.js';
import { TwilioSerializer } from './twilio/twilio.carrier.js';

const read = (serializer: MediaSerializer, message: unknown) =>
  serializer.read(
    Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)),
    false,
  );

const text = (message: Buffer | string | undefined) => message?.toString();

const PCM = Int16Array.from({ length: 160 }, (_, i) => (i - 80) * 300);
const mulaw = MULAW.encode(PCM).toString('base64');

/** The messages of each carrier as its pages show them; the names of ids are theirs. */
const CARRIERS: Record<
  string,
  {
    make: () => MediaSerializer;
    inbound: { media: object; dtmf: object; mark: object; markName: string; others: object[] };
    outbound: { media: string; clear: string; mark: string; dtmf?: string };
  }
> = {
  /** https://www.twilio.com/docs/voice/media-streams/websocket-messages */
  Twilio: {
    make: () => new TwilioSerializer('MZ18ad3ab5a668481ce02b83e7395059f0'),
    inbound: {
      media: {
        event: 'media',
        sequenceNumber: '4',
        media: { track: 'inbound', chunk: '2', timestamp: '5', payload: mulaw },
        streamSid: 'MZ18ad3ab5a668481ce02b83e7395059f0',
      },
      dtmf: {
        event: 'dtmf',
        streamSid: 'MZ18ad3ab5a668481ce02b83e7395059f0',
        sequenceNumber: '5',
        dtmf: { track: 'inbound_track', digit: '1' },
      },
      mark: {
        event: 'mark',
        sequenceNumber: '4',
        streamSid: 'MZ18ad3ab5a668481ce02b83e7395059f0',
        mark: { name: 'my label' },
      },
      markName: 'my label',
      others: [{ event: 'connected', protocol: 'Call', version: '1.0.0' }],
    },
    outbound: {
      media: `{"event":"media","streamSid":"MZ18ad3ab5a668481ce02b83e7395059f0","media":{"payload":"${mulaw}"}}`,
      clear: '{"event":"clear","streamSid":"MZ18ad3ab5a668481ce02b83e7395059f0"}',
      mark: '{"event":"mark","streamSid":"MZ18ad3ab5a668481ce02b83e7395059f0","mark":{"name":"my label"}}',
    },
  },
  /** https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket */
  Telnyx: {
    make: () => new TelnyxSerializer(),
    inbound: {
      media: {
        event: 'media',
        sequence_number: '4',
        media: { track: 'inbound', chunk: '2', timestamp: '5', payload: mulaw },
        stream_id: '32DE0DEA-53CB-4B21-89A4-9E1819C043BC',
      },
      dtmf: {
        event: 'dtmf',
        stream_id: '32DE0DEA-53CB-4B21-89A4-9E1819C043BC',
        occurred_at: '2026-01-25T09:25:07.541Z',
        sequence_number: '5',
        dtmf: { digit: '1' },
      },
      mark: {
        event: 'mark',
        sequence_number: '5',
        stream_id: '32DE0DEA-53CB-4B21-89A4-9E1819C043BC',
        mark: { name: 'mark-1' },
      },
      markName: 'mark-1',
      others: [{ event: 'connected', version: '1.0.0' }],
    },
    outbound: {
      media: `{"event":"media","media":{"payload":"${mulaw}"}}`,
      clear: '{"event":"clear"}',
      mark: '{"event":"mark","mark":{"name":"mark-1"}}',
    },
  },
  /** https://www.plivo.com/docs/voice-agents/audio-streaming/concepts/audio-streaming-reference */
  Plivo: {
    make: () =>
      new PlivoSerializer('20170ada-f610-433b-8758-c02a2aab3662', 'audio/x-mulaw;rate=8000'),
    inbound: {
      media: {
        event: 'media',
        sequenceNumber: 42,
        streamId: '20170ada-f610-433b-8758-c02a2aab3662',
        media: { track: 'inbound', timestamp: '1705312200000', chunk: 41, payload: mulaw },
        extra_headers: 'userId=12345;sessionId=abc-xyz',
      },
      dtmf: {
        event: 'dtmf',
        sequenceNumber: 43,
        streamId: '20170ada-f610-433b-8758-c02a2aab3662',
        dtmf: { track: 'inbound', digit: '1', timestamp: '1705312200020' },
      },
      mark: {
        event: 'playedStream',
        sequenceNumber: 44,
        streamId: '20170ada-f610-433b-8758-c02a2aab3662',
        name: 'customer greeting audio',
      },
      markName: 'customer greeting audio',
      others: [{ event: 'clearedAudio', sequenceNumber: 45, streamId: 'x' }],
    },
    outbound: {
      media:
        `{"event":"playAudio","media":{"contentType":"audio/x-mulaw","sampleRate":8000,"payload":"${mulaw}"},` +
        '"streamId":"20170ada-f610-433b-8758-c02a2aab3662"}',
      clear: '{"event":"clearAudio","streamId":"20170ada-f610-433b-8758-c02a2aab3662"}',
      mark: '{"event":"checkpoint","streamId":"20170ada-f610-433b-8758-c02a2aab3662","name":"customer greeting audio"}',
      dtmf: '{"event":"sendDTMF","dtmf":"12#"}',
    },
  },
  /** https://developer.exotel.com/docs/agentstream/websocket-protocol */
  Exotel: {
    make: () => new ExotelSerializer('MZxxxxxxxxxxxxxxxxxxxxxxxx', new L16(8_000)),
    inbound: {
      media: {
        event: 'media',
        sequence_number: '3',
        stream_sid: 'MZxxxxxxxxxxxxxxxxxxxxxxxx',
        media: {
          chunk: '2',
          timestamp: '200',
          payload: Buffer.from(PCM.buffer).toString('base64'),
        },
      },
      dtmf: {
        event: 'dtmf',
        sequence_number: '7',
        stream_sid: 'MZxxxxxxxxxxxxxxxxxxxxxxxx',
        dtmf: { digit: '1', duration: '100' },
      },
      mark: {
        event: 'mark',
        sequence_number: '15',
        stream_sid: 'MZxxxxxxxxxxxxxxxxxxxxxxxx',
        mark: { name: 'done' },
      },
      markName: 'done',
      others: [{ event: 'connected' }],
    },
    outbound: {
      media: `{"event":"media","stream_sid":"MZxxxxxxxxxxxxxxxxxxxxxxxx","media":{"payload":"${Buffer.from(PCM.buffer).toString('base64')}"}}`,
      clear: '{"event":"clear","stream_sid":"MZxxxxxxxxxxxxxxxxxxxxxxxx"}',
      mark: '{"event":"mark","stream_sid":"MZxxxxxxxxxxxxxxxxxxxxxxxx","mark":{"name":"done"}}',
    },
  },
};

describe.each(Object.entries(CARRIERS))('%s', (name, { make, inbound, outbound }) => {
  it('writes its messages byte for byte', () => {
    const serializer = make();
    expect(text(serializer.audio(PCM))).toBe(outbound.media);
    expect(text(serializer.clear())).toBe(outbound.clear);
    expect(text(serializer.mark(inbound.markName))).toBe(outbound.mark);
    expect(text(serializer.dtmf('12#'))).toBe(outbound.dtmf);
    expect(serializer.isBinary).toBe(false);
    expect(serializer.capabilities.dtmfOut).toBe(outbound.dtmf !== undefined);
    expect(serializer.message({ label: 'rtvi-ai' })).toBeUndefined();
  });

  it('reads its messages', () => {
    const serializer = make();
    expect(read(serializer, inbound.media)).toMatchObject({
      kind: 'audio',
      pcm: name === 'Exotel' ? PCM : MULAW.decode(MULAW.encode(PCM)),
      sampleRateHz: 8_000,
      channels: 1,
      timestampMs: 0,
    });
    expect(read(serializer, inbound.dtmf)).toEqual({ kind: 'dtmf', digit: '1' });
    expect(read(serializer, inbound.mark)).toEqual({ kind: 'mark', name: inbound.markName });
    expect(read(serializer, { event: 'stop' })).toEqual({ kind: 'stop' });
    for (const other of inbound.others)
      expect(read(serializer, other)).toEqual({ kind: 'ignored' });
  });

  it('counts time from the first audio', () => {
    const serializer = make();
    let chunk = 1;
    const at = (timestamp: unknown) => {
      const { media } = inbound.media as { media: object };
      const frame = { ...media, chunk: chunk++, timestamp };
      const result = read(serializer, { ...inbound.media, media: frame });
      return (result as { timestampMs?: number }).timestampMs;
    };
    expect([at('1000'), at(1_020), at('1040')]).toEqual([0, 20, 40]);
    for (const none of ['soon', '', undefined, null, [7], { toString: 1, valueOf: 1 }]) {
      expect(at(none)).toBeUndefined();
    }
  });

  it.each<[string, (media: Record<string, unknown>) => unknown]>([
    ['a message that is no JSON object', () => 'not JSON'],
    ['a message that is no JSON object', () => '[]'],
    ['a message that is no JSON object', () => 'null'],
    ['a media without its payload', (media) => ({ ...media, media: { timestamp: '5' } })],
    ['a media without its payload', (media) => ({ ...media, media: null })],
    ['a media without its payload', (media) => ({ ...media, media: { payload: 7 } })],
    ['a payload that is not whole base64', (media) => ({ ...media, media: { payload: 'AAAA=' } })],
    ['a payload that is not whole base64', (media) => ({ ...media, media: { payload: 'A"><' } })],
    ['a payload that is not whole base64', (media) => ({ ...media, media: { payload: 'AAA' } })],
    ['an unknown event', (media) => ({ ...media, event: 'Media' })],
    ['an unknown event', () => ({})],
    ['an unknown event', () => ({ event: { a: 1 } })],
    ['a second start', () => ({ event: 'start', start: {} })],
    ['a dtmf without its key', () => ({ event: 'dtmf' })],
    ['a dtmf without its key', () => ({ event: 'dtmf', dtmf: { digit: '55' } })],
  ])('calls %s malformed', (what, change) => {
    const message = change(inbound.media as Record<string, unknown>);
    expect(read(make(), message)).toEqual({ kind: 'malformed', what });
  });

  it('sends application messages as they are, of objects, and no RTVI', () => {
    const serializer = make();
    expect(text(serializer.message({ event: 'custom', n: 1 }))).toBe('{"event":"custom","n":1}');
    for (const other of ['text', 7, null, ['a'], { label: 'rtvi-ai', type: 'x' }]) {
      expect(serializer.message(other)).toBeUndefined();
    }
    expect(serializer.capabilities).toMatchObject({ messages: true, rtvi: false });
  });

  it('takes no binary', () => {
    const result = make().read(Buffer.from(JSON.stringify(inbound.media)), true);
    expect(result).toEqual({ kind: 'malformed', what: 'a binary message where text is due' });
  });

  it.each(['outbound', 'outbound_track'])(
    'leaves out the bot’s own voice where both tracks are streamed: %s',
    (track) => {
      const { media } = inbound.media as { media: object };
      const both = { ...inbound.media, media: { ...media, track } };
      expect(read(make(), both)).toEqual({ kind: 'ignored' });
    },
  );

  it('makes no frame of an empty payload', () => {
    const { media } = inbound.media as { media: object };
    const empty = { ...inbound.media, media: { ...media, payload: '' } };
    expect(read(make(), empty)).toEqual({ kind: 'ignored' });
  });

  it('survives 10,000 random changes to its messages', () => {
    const serializer = make();
    const text = JSON.stringify(inbound.media);
    let seed = 7;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    for (let i = 0; i < 10_000; i++) {
      const bytes = Buffer.from(text).subarray(0, i % 3 ? text.length : random(text.length));
      for (let changes = random(4); changes > 0 && bytes.length > 0; changes--) {
        bytes[random(bytes.length)] = random(256);
      }
      expect(typeof serializer.read(bytes, false).kind).toBe('string');
    }
  });
});

describe('codecs', () => {
  it.each(TELNYX_ENCODINGS)('Telnyx can have %s each way', (encoding) => {
    const serializer = new TelnyxSerializer({ from: encoding, to: encoding });
    const { sampleRateHz, chunkSamples } = serializer.output;
    expect(chunkSamples).toBe(sampleRateHz / 50);
    const pcm = Int16Array.from({ length: chunkSamples }, (_, i) =>
      Math.round(8_000 * Math.sin(i / 5)),
    );
    const heard = read(serializer, { ...JSON.parse(serializer.audio(pcm).toString()) });
    expect(heard).toMatchObject({ kind: 'audio', sampleRateHz });
    const expected = { PCMU: MULAW, PCMA: ALAW, G722: new G722(), L16: undefined }[encoding];
    const written = (JSON.parse(serializer.audio(pcm).toString()) as { media: { payload: string } })
      .media;
    if (expected && encoding !== 'G722') {
      expect(Buffer.from(written.payload, 'base64')).toEqual(expected.encode(pcm));
    }
    expect([sampleRateHz, Buffer.from(written.payload, 'base64').length]).toEqual(
      { PCMU: [8_000, 160], PCMA: [8_000, 160], G722: [16_000, 160], L16: [16_000, 640] }[encoding],
    );
  });

  it.each(TELNYX_ENCODINGS)('Telnyx puts frames of %s in order', (encoding) => {
    const sender = new TelnyxSerializer({ to: encoding });
    const { chunkSamples } = sender.output;
    const frames = Array.from({ length: 8 }, (_, frame) => {
      const pcm = Int16Array.from({ length: chunkSamples }, (_, i) => 9 * (frame * 160 + i));
      const { media } = JSON.parse(sender.audio(pcm).toString()) as { media: object };
      return {
        event: 'media',
        media: { ...media, chunk: String(frame + 1), timestamp: frame * 20 },
      };
    });
    const heardOf = (order: readonly number[]) => {
      const serializer = new TelnyxSerializer({ from: encoding });
      return order.flatMap((frame) => {
        const media = read(serializer, frames[frame]);
        return media.kind === 'audio' ? [media] : [];
      });
    };
    const inOrder = heardOf([0, 1, 2, 3, 4, 5, 6, 7]);
    const swapped = heardOf([0, 2, 1, 3, 6, 5, 4, 7]);
    const samples = (heard: typeof inOrder) => heard.flatMap(({ pcm }) => [...pcm]);
    expect(samples(swapped)).toEqual(samples(inOrder));
    expect(swapped.map(({ timestampMs }) => timestampMs)).toEqual([0, 20, 60, 80, 140]);
    // The third frame is lost.
    expect(samples(heardOf([0, 1, 3, 4, 5, 6, 7]))).toHaveLength(7 * chunkSamples);
  });

  it('Telnyx can have L16 in network byte order, both ways', () => {
    const serializer = new TelnyxSerializer({ from: 'L16', to: 'L16', l16ByteOrder: 'big' });
    const pcm = Int16Array.of(1, -2);
    const message = JSON.parse(serializer.audio(pcm).toString()) as { media: { payload: string } };
    expect(Buffer.from(message.media.payload, 'base64').toString('hex')).toBe('0001fffe');
    expect(pcm).toEqual(Int16Array.of(1, -2));
    expect(read(serializer, message)).toMatchObject({ kind: 'audio', pcm });
  });

  it('Telnyx can have one each way', () => {
    const serializer = new TelnyxSerializer({ from: 'PCMA', to: 'PCMU' });
    const payload = ALAW.encode(PCM).toString('base64');
    expect(read(serializer, { event: 'media', media: { payload } })).toMatchObject({
      pcm: ALAW.decode(ALAW.encode(PCM)),
    });
    expect(text(serializer.audio(PCM))).toContain(mulaw);
  });

  it.each([
    ['audio/x-l16;rate=8000', 8_000],
    ['audio/x-l16;rate=16000', 16_000],
  ] as const)('Plivo can have %s', (contentType, sampleRateHz) => {
    const serializer = new PlivoSerializer('s', contentType);
    expect(serializer.output).toEqual({ sampleRateHz, chunkSamples: sampleRateHz / 50 });
    const message = serializer.audio(Int16Array.of(1, -1));
    expect(JSON.parse(message.toString())).toEqual({
      event: 'playAudio',
      media: { contentType: 'audio/x-l16', sampleRate: sampleRateHz, payload: 'AQD//w==' },
      streamId: 's',
    });
  });

  it.each([8_000, 16_000, 24_000])('Exotel gets messages of an allowed size at %d Hz', (rateHz) => {
    const { output } = new ExotelSerializer('s', new L16(rateHz));
    const bytes = output.chunkSamples * 2;
    expect(output.sampleRateHz).toBe(rateHz);
    expect(bytes % 320).toBe(0);
    expect(bytes).toBeGreaterThanOrEqual(3_200);
    expect(bytes).toBeLessThanOrEqual(100_000);
  });

  it.each([
    [{ code: 100_004, title: 'rate_limit_reached', detail: 'of +15550001' }, 'rate_limit_reached'],
    [{ title: '+15550001' }, undefined],
    [{ title: { toString: 1 } }, undefined],
    [undefined, undefined],
  ])('Telnyx says why the bot is not heard: %j', (payload, detail) => {
    expect(read(new TelnyxSerializer(), { event: 'error', payload })).toEqual({
      kind: 'malformed',
      what: 'an error',
      detail,
    });
  });

  it('a payload must not end within a sample', () => {
    const payload = Buffer.alloc(3).toString('base64');
    expect(
      read(new ExotelSerializer('s', new L16(8_000)), { event: 'media', media: { payload } }),
    ).toEqual({
      kind: 'malformed',
      what: 'a payload that ends within a sample',
    });
  });

  it('ids are escaped', () => {
    expect(text(new TwilioSerializer('a"b').clear())).toBe('{"event":"clear","streamSid":"a\\"b"}');
  });
});
