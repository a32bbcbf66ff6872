import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { describeWith } from '../../test/support/needs.js';
import { RtviClient, tick } from '../../test/support/rtvi-client.js';
import { RTVI_VERSION, type RtviOutgoing } from './rtvi-messages.js';
import { RtviSession } from './rtvi-session.js';

/** Types of the bot's messages: those that `send()` takes, and those that are sent automatically. */
const SENT: Record<keyof RtviOutgoing | 'bot-ready' | 'server-response' | 'error-response', true> =
  {
    error: true,
    'error-response': true,
    'server-message': true,
    'server-response': true,
    'bot-ready': true,
    'bot-output': true,
    'bot-transcription': true,
    'user-transcription': true,
    'user-input': true,
    'user-started-speaking': true,
    'user-stopped-speaking': true,
    'vad-user-started-speaking': true,
    'vad-user-stopped-speaking': true,
    'user-mute-started': true,
    'user-mute-stopped': true,
    'bot-started-speaking': true,
    'bot-stopped-speaking': true,
    'bot-interrupted': true,
    'user-llm-text': true,
    'bot-llm-started': true,
    'bot-llm-text': true,
    'bot-llm-stopped': true,
    'bot-llm-marker': true,
    'bot-llm-search-response': true,
    'stt-raw-text': true,
    'llm-raw-text': true,
    'tts-raw-text': true,
    'bot-tts-started': true,
    'bot-tts-text': true,
    'bot-tts-stopped': true,
    'bot-tts-audio': true,
    'llm-function-call': true,
    'llm-function-call-started': true,
    'llm-function-call-in-progress': true,
    'llm-function-call-stopped': true,
    metrics: true,
    'user-audio-level': true,
    'bot-audio-level': true,
    'ui-command': true,
    'ui-job-group': true,
    'system-log': true,
  };

/** True when a bot takes messages of a type, with or without valid data. */
async function takes(type: string): Promise<boolean> {
  const client = new RtviClient();
  new RtviSession(client.transport);
  await tick();
  client.send(type, {});
  const { connection, transport } = client;
  const refused = JSON.stringify(connection.sent).includes(`Unsupported type ${type}`);
  transport.close();
  return !refused;
}

/** The types of a list that a bot refuses. */
async function refused(types: readonly string[]): Promise<string[]> {
  const all = await Promise.all(types.map(takes));
  return types.filter((_, i) => !all[i]);
}

const matches = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, name]) => name!).sort();

describe('RTVI message types', () => {
  it('are those of the published client for the web', async () => {
    const types = readFileSync('node_modules/@pipecat-ai/client-js/dist/index.d.ts', 'utf8');
    const [, known] = /enum RTVIMessageType \{(.*?)\n\}/s.exec(types)!;
    const names = matches(known!, /= "([a-z-]+)"/g);
    expect(names.length).toBeGreaterThanOrEqual(40);
    expect(await refused(names.filter((name) => !(name in SENT)))).toEqual([
      // Deprecated by the client. Pipecat refuses the first as unsupported, and so sends no result either.
      'append-to-context',
      'append-to-context-result',
    ]);
  });

  // The folder of Pipecat in the environment of its Python.
  const { PIPECAT_PYTHON = '/none' } = process.env;
  const lib = join(PIPECAT_PYTHON, '../../lib');
  const [python = ''] = existsSync(lib)
    ? readdirSync(lib).filter((name) => /^python3/.test(name))
    : [];
  const folder = join(lib, python, 'site-packages/pipecat');
  const rtvi = (file: string) =>
    readFileSync(`${folder}/processors/frameworks/rtvi/${file}.py`, 'utf8');

  describeWith('Pipecat')('are those of Pipecat', () => {
    const handler = (): string => /def _handle_message.*?case _:/s.exec(rtvi('processor'))![0];
    const taken = (): string[] =>
      matches(handler().replaceAll(' | ', '\ncase '), /case "([a-z-]+)"/g);

    it('for the client to send', async () => {
      expect(taken().length).toBeGreaterThanOrEqual(12);
      expect(await refused(taken())).toEqual([]);
    });

    it('for the bot to send', () => {
      const all = matches(rtvi('models'), /^ {4}type: Literal\["([a-z-]+)"\]/gm);
      const sent = all.filter((name) => !taken().includes(name));
      expect(sent.length).toBeGreaterThan(35);
      // Of those only the client knows this one.
      expect(sent).toEqual(
        Object.keys(SENT)
          .filter((name) => name !== 'bot-llm-search-response')
          .sort(),
      );
    });

    it('of the same version', () => {
      expect(/^PROTOCOL_VERSION = "(.*)"/m.exec(rtvi('models'))![1]).toBe(RTVI_VERSION);
    });

    it('with the same capabilities in bot-ready', async () => {
      const models = readFileSync(`${folder}/pipeline/capabilities.py`, 'utf8');
      const client = new RtviClient();
      const all = { audio_in: true, audio_out: true, video_in: false, screen_in: false };
      const capabilities = { ...all, video_out: false, metrics: true };
      new RtviSession(client.transport, { capabilities });
      await tick();
      client.ready();
      const sent = client.received[0]!.data!.capabilities as object;
      expect(Object.keys(sent).sort()).toEqual(matches(models, /^ {4}(\w+): bool/gm));
    });
  });
});
