import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { instanceToPlain, plainToInstance } from 'class-transformer';
import { IsString, validateSync } from 'class-validator';
import type { WebSocket } from 'ws';
import {
  CallData,
  DailyDialinRequest,
  DailyRunnerArguments,
  DialinSettings,
  EvalRunnerArguments,
  ExotelCallData,
  InvalidFieldsError,
  LiveKitRunnerArguments,
  MOQRunnerArguments,
  RunnerArguments,
  runnerArgumentsFromJSON,
  SmallWebRTCRunnerArguments,
  StartRequest,
  TelnyxCallData,
  VonageRunnerArguments,
  WebSocketRunnerArguments,
  WireClass,
} from '../../test/support/all-classes.js';
import { validateInto } from '../validation/validate-into.js';

type Plain = Record<string, unknown>;

interface Case {
  readonly cls: new () => object;
  readonly required: Plain;
  readonly optional: Plain;
  readonly defaults: Plain;
  /** For each field, values that are not accepted. */
  readonly wrong: Record<string, unknown[]>;
  readonly keepsUnknown?: boolean;
}

const notText = [7, true, {}, [], ['x']];
const notObject = [7, 'x', true, [], [{}]];
const notFlag = [0, 'true', {}, []];
const notPort = [-1, 65_536, 1.5, '80', {}, NaN];

const base = {
  optional: {
    handle_sigint: true,
    handle_sigterm: true,
    pipeline_idle_timeout_secs: 12.5,
    body: ['anything'],
    call_data: { stream_id: 'MZ1', from: '+1', body: { a: '1' }, extra: 5 },
    session_id: 'abc',
    cli_args: { verbose: 2 },
  },
  defaults: {
    handle_sigint: false,
    handle_sigterm: false,
    pipeline_idle_timeout_secs: 300,
    body: {},
  },
  wrong: {
    handle_sigint: notFlag,
    handle_sigterm: notFlag,
    pipeline_idle_timeout_secs: [-1, '300', {}, NaN, Infinity],
    call_data: notObject,
    session_id: notText,
    cli_args: notObject,
  },
};
const callData = {
  optional: { stream_id: 'MZ1', call_id: 'CA1', from: '+1', to: '+2', body: { a: 1 } },
  defaults: { body: {} },
  wrong: { stream_id: notText, call_id: notText, from: notText, to: notText, body: notObject },
  keepsUnknown: true,
};
const dialin = { call_id: 'c', call_domain: 'd' };

const CASES: Case[] = [
  { cls: RunnerArguments, required: {}, ...base },
  {
    cls: DailyRunnerArguments,
    required: { room_url: 'https://example.daily.co/room' },
    optional: { ...base.optional, token: 't' },
    defaults: base.defaults,
    wrong: { ...base.wrong, room_url: [...notText, '', 'room', 'ftp://x/y'], token: notText },
  },
  {
    cls: LiveKitRunnerArguments,
    required: { room_name: 'r', url: 'wss://example.livekit.cloud', token: 't' },
    optional: base.optional,
    defaults: base.defaults,
    wrong: {
      ...base.wrong,
      room_name: notText,
      url: [...notText, 'https://x.example'],
      token: notText,
    },
  },
  {
    cls: VonageRunnerArguments,
    required: { application_id: 'a', vonage_session_id: 's', token: 't' },
    optional: base.optional,
    defaults: base.defaults,
    wrong: { ...base.wrong, application_id: notText, vonage_session_id: notText, token: notText },
  },
  {
    cls: EvalRunnerArguments,
    required: {},
    optional: { ...base.optional, host: '0.0.0.0', port: 1 },
    defaults: { ...base.defaults, host: 'localhost', port: 7860 },
    wrong: { ...base.wrong, host: notText, port: notPort },
  },
  {
    cls: MOQRunnerArguments,
    required: {},
    optional: {
      ...base.optional,
      relay_url: 'https://relay.example.com/?jwt=x',
      host: 'h',
      port: 4080,
      path: '/p',
      namespace: 'n',
      participant_id: 'a',
      peer_id: 'b',
      verify_ssl: false,
      serve: true,
      bind: '[::]:4080',
      serve_tls_host: 'x',
      serve_tls_cert: 'c.pem',
      serve_tls_key: 'k.pem',
      cert_fingerprints: ['ab'],
    },
    defaults: {
      ...base.defaults,
      path: '/moq',
      namespace: 'pipecat',
      participant_id: 'response',
      peer_id: 'request',
      verify_ssl: true,
      serve: false,
      serve_tls_host: 'localhost',
      cert_fingerprints: [],
    },
    wrong: {
      ...base.wrong,
      relay_url: notText,
      host: notText,
      port: notPort,
      path: notText,
      namespace: notText,
      participant_id: notText,
      peer_id: notText,
      verify_ssl: notFlag,
      serve: notFlag,
      bind: notText,
      serve_tls_host: notText,
      serve_tls_cert: notText,
      serve_tls_key: notText,
      cert_fingerprints: ['x', {}, [1], [['x']]],
    },
  },
  { cls: CallData, required: {}, ...callData },
  {
    cls: TelnyxCallData,
    required: {},
    ...callData,
    optional: { ...callData.optional, outbound_encoding: 'PCMU' },
    wrong: { ...callData.wrong, outbound_encoding: notText },
  },
  {
    cls: ExotelCallData,
    required: {},
    ...callData,
    optional: { ...callData.optional, account_sid: 'a', custom_parameters: { x: 1 } },
    wrong: { ...callData.wrong, account_sid: notText, custom_parameters: [7, true, [], ['x']] },
  },
  {
    cls: DialinSettings,
    required: dialin,
    optional: { To: '+1', From: '+2', sip_headers: { 'X-A': 'b' } },
    defaults: {},
    wrong: {
      call_id: notText,
      call_domain: notText,
      To: notText,
      From: notText,
      sip_headers: [...notObject, { a: 1 }, { a: null }, { a: ['x'] }],
    },
  },
  {
    cls: DailyDialinRequest,
    required: {
      dialin_settings: dialin,
      daily_api_key: 'k',
      daily_api_url: 'https://api.daily.co/v1',
    },
    optional: {},
    defaults: {},
    wrong: {
      dialin_settings: [...notObject, {}, { call_id: 7, call_domain: 'd' }],
      daily_api_key: notText,
      daily_api_url: notText,
    },
  },
  {
    cls: StartRequest,
    required: {},
    optional: {
      transport: 'webrtc',
      body: 'b',
      createDailyRoom: true,
      dailyRoomProperties: {},
      dailyMeetingTokenProperties: { x: 1 },
      enableDefaultIceServers: false,
      namespace: 'n',
    },
    defaults: {},
    wrong: {
      transport: notText,
      createDailyRoom: notFlag,
      dailyRoomProperties: notObject,
      dailyMeetingTokenProperties: notObject,
      enableDefaultIceServers: notFlag,
      namespace: notText,
    },
  },
];

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(instanceToPlain(value)));

describe.each(CASES.map((one) => [one.cls.name, one] as const))('%s', (_, one) => {
  const { cls, required, optional, defaults, wrong, keepsUnknown } = one;
  const full = { ...required, ...optional };

  it('takes the least there can be, and fills in the defaults', () => {
    const instance = validateInto(cls, required);
    expect(instance).toBeInstanceOf(cls);
    expect(plain(instance)).toEqual({ ...defaults, ...required });
  });

  it('takes everything there can be', () => {
    expect(plain(validateInto(cls, full))).toMatchObject(full);
  });

  it('takes null for absent', () => {
    const nulls = Object.fromEntries(
      Object.keys(optional).flatMap((key) =>
        key === 'pipeline_idle_timeout_secs' ? [] : [[key, null]],
      ),
    );
    expect(plain(validateInto(cls, { ...required, ...nulls }))).toEqual({
      ...defaults,
      ...required,
    });
  });

  it(`${keepsUnknown ? 'keeps' : 'drops'} keys it does not know, and is never polluted`, () => {
    const instance = validateInto(cls, {
      ...full,
      ...(JSON.parse('{"unknown":1,"__proto__":{"bad":1}}') as object),
    });
    expect('unknown' in instance).toBe(keepsUnknown ?? false);
    expect((instance as Plain).bad).toBeUndefined();
    expect(Object.getPrototypeOf(instance)).toBe(cls.prototype);
  });

  it('says which required field is missing', () => {
    for (const [field, absent] of Object.keys(required).flatMap(
      (f) =>
        [
          [f, undefined],
          [f, null],
        ] as const,
    )) {
      expect(() => validateInto(cls, { ...full, [field]: absent })).toThrow(
        expect.objectContaining({
          errors: expect.arrayContaining([{ field, message: expect.any(String) }]),
        }),
      );
    }
  });

  it.each(Object.entries(wrong))('refuses a wrong %s, and says which', (field, values) => {
    for (const value of values) {
      let thrown: unknown;
      try {
        validateInto(cls, { ...full, [field]: value });
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(InvalidFieldsError);
      const { errors, message } = thrown as InvalidFieldsError;
      expect(errors.every((e) => e.field === field || e.field.startsWith(`${field}.`))).toBe(true);
      expect(message).toContain(field);
    }
  });

  it.each([null, undefined, [], 'text', 7, true])('refuses %j as a whole', (value) => {
    expect(() => validateInto(cls, value)).toThrow(/JSON object/);
  });

  it('gives the verdict of class-validator on whatever it is given', () => {
    const values = [undefined, null, ...Object.values(wrong).flat(), ...Object.values(full)];
    let accepted = 0;
    for (const field of Object.keys(full)) {
      for (const value of values) {
        const input = { ...full, [field]: value };
        let ours = true;
        let instance: object | undefined;
        try {
          instance = validateInto(cls, input);
        } catch {
          ours = false;
        }
        if (instance) {
          accepted++;
          expect(validateSync(instance)).toEqual([]);
        } else if (value !== null) {
          // class-transformer's own way of building the instance comes to the same end.
          const theirs = plainToInstance(cls, structuredClone(input), {
            exposeDefaultValues: true,
          });
          expect(validateSync(theirs).length > 0).toBe(!ours);
        }
      }
    }
    expect(accepted).toBeGreaterThan(0);
  });

  it('is a class of its own, that class-transformer can make too', () => {
    expect(plainToInstance(cls, full)).toBeInstanceOf(cls);
  });
});

describe('runner arguments', () => {
  const socket = { readyState: 1, secret: 'inside' } as unknown as WebSocket;

  it('are made by constructors that take what they need', () => {
    const args = new DailyRunnerArguments({
      room_url: 'https://x.daily.co/r',
      body: { a: 1 },
      session_id: 's',
    });
    expect(args).toMatchObject({
      room_url: 'https://x.daily.co/r',
      body: { a: 1 },
      session_id: 's',
      handle_sigint: false,
    });
    expect(new MOQRunnerArguments({ host: 'h', port: 1, path: '/x' })).toMatchObject({
      path: '/x',
      namespace: 'pipecat',
    });
    expect(new EvalRunnerArguments({ port: 9 })).toMatchObject({ host: 'localhost', port: 9 });
    expect(
      new RunnerArguments({ pipeline_idle_timeout_secs: null }).pipeline_idle_timeout_secs,
    ).toBeNull();
  });

  it('keep a null idle timeout, which means never', () => {
    expect(
      validateInto(RunnerArguments, { pipeline_idle_timeout_secs: null })
        .pipeline_idle_timeout_secs,
    ).toBeNull();
  });

  it('take the body untouched', () => {
    const body = JSON.parse(
      '{"toString":1,"constructor":{"prototype":2},"hasOwnProperty":null}',
    ) as object;
    const args = validateInto(RunnerArguments, { body });
    expect(args.body).toBe(body);
  });

  it.each(
    CASES.filter(({ cls }) => cls === RunnerArguments || cls.prototype instanceof RunnerArguments),
  )('come back from JSON in their class: $cls.name', ({ cls, required, optional }) => {
    for (const call_data of [
      new CallData({ stream_id: 's', extra: [1] }),
      new TelnyxCallData({ outbound_encoding: 'PCMU' }),
      new ExotelCallData({ custom_parameters: { a: 1 } }),
      undefined,
    ]) {
      const args = validateInto(cls, {
        ...required,
        ...optional,
        call_data: undefined,
      }) as RunnerArguments;
      args.call_data = call_data;
      const back = runnerArgumentsFromJSON(JSON.parse(JSON.stringify(args)));
      expect(back).toBeInstanceOf(cls);
      expect(back.constructor).toBe(cls);
      expect(back).toEqual(args);
      expect(back.call_data?.constructor).toBe(call_data?.constructor);
    }
  });

  it('of a class of the host come back in that class once it has a name', () => {
    @WireClass('AcmeRunnerArguments')
    class AcmeRunnerArguments extends RunnerArguments {
      @IsString()
      line!: string;
    }
    const args = Object.assign(new AcmeRunnerArguments(), { line: '7' });
    const json: unknown = JSON.parse(JSON.stringify(args));
    expect(json).toMatchObject({ type: 'AcmeRunnerArguments', line: '7' });
    expect(runnerArgumentsFromJSON(json)).toBeInstanceOf(AcmeRunnerArguments);
    expect(() => runnerArgumentsFromJSON({ type: 'AcmeRunnerArguments' })).toThrow(/line/);
    expect(() => WireClass('AcmeRunnerArguments')(class {})).toThrow(
      "@WireClass('AcmeRunnerArguments') has another class already.",
    );
  });

  it.each<[unknown, string]>([
    [null, ''],
    [[], ''],
    ['x', ''],
    [{}, 'type'],
    [{ type: 'Nonsense' }, 'type'],
    [{ type: 'toString' }, 'type'],
    [{ type: 'CallData' }, 'type'],
    [{ type: 'DailyRunnerArguments' }, 'room_url'],
    [{ type: 'RunnerArguments', call_data: [] }, 'call_data'],
    [{ type: 'RunnerArguments', call_data: { from: 7 } }, 'call_data.from'],
    [
      { type: 'RunnerArguments', call_data: {}, call_data_type: 'RunnerArguments' },
      'call_data_type',
    ],
  ])('do not come from %j', (value, field) => {
    expect(() => runnerArgumentsFromJSON(value)).toThrow(
      expect.objectContaining({ errors: [expect.objectContaining({ field })] }),
    );
  });

  it.each([
    ['websocket', new WebSocketRunnerArguments({ websocket: socket, transport_type: 'twilio' })],
    ['webrtc_connection', new SmallWebRTCRunnerArguments({ webrtc_connection: socket as never })],
  ] as const)('keep a live %s out of JSON and logs, and refuse to be rebuilt', (field, args) => {
    expect((args as unknown as Plain)[field]).toBe(socket);
    for (const text of [
      JSON.stringify(args),
      inspect(args),
      JSON.stringify(instanceToPlain(args)),
      JSON.stringify({ ...args }),
    ]) {
      expect(text).not.toContain('inside');
    }
    expect(() => runnerArgumentsFromJSON(JSON.parse(JSON.stringify(args)))).toThrow(
      new RegExp(`${field} lives only in the process`),
    );
    expect(validateSync(args)).toEqual([]);
  });

  it('name the key of a string record that is at fault, but not its value', () => {
    expect(() =>
      validateInto(DialinSettings, { ...dialin, sip_headers: { 'X-Ok': 'a', 'X-Bad': 12_345 } }),
    ).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/^(?!.*12345).*X-Bad must be a string/),
      }),
    );
  });
});
