import { describe, expect, it } from '@jest/globals';
import { parseJsonMessage } from '../../../../media/serializers/json-message.js';
import type { SocketResponder } from '../../../../websocket/runner-web-socket.js';
import { GenesysResponder } from './genesys.responder.js';
import { selectMedia } from './genesys.serializer.js';

const media = [{ type: 'audio', format: 'PCMU', channels: ['external'], rate: 8000 }];

const create = (): SocketResponder => new GenesysResponder('s-1', selectMedia(media));

const message = (type: string, seq: unknown, parameters: unknown = {}): Buffer =>
  Buffer.from(JSON.stringify({ version: '2', id: 's-1', type, seq, serverseq: 1, parameters }));

const parsed = (answer: Buffer | string | undefined) =>
  answer === undefined ? undefined : parseJsonMessage(Buffer.from(answer));

describe("the answers to Genesys' control messages", () => {
  it('are numbered together with the messages of the bot', () => {
    const responder = create();
    expect(parsed(responder.first)).toMatchObject({ type: 'opened', seq: 1, clientseq: 1 });
    expect(parsed(responder.receive(message('ping', 2)).answer)).toMatchObject({
      type: 'pong',
      seq: 2,
      clientseq: 2,
    });
    const ofBot = { version: '2', id: 's-1', type: 'event', seq: 1, clientseq: 1, parameters: {} };
    expect(parsed(responder.send(JSON.stringify(ofBot)))).toMatchObject({ seq: 3, clientseq: 2 });
    for (const type of ['opened', 'closed']) {
      expect(responder.send(JSON.stringify({ ...ofBot, type }))).toBeUndefined();
    }
    expect(parsed(responder.end(false))).toMatchObject({ type: 'disconnect', seq: 4 });
    expect(responder.end(false)).toBeUndefined();
  });

  it('keep a ping from the bot, and leave it everything else', () => {
    const responder = create();
    expect(responder.receive(message('ping', 2)).isTaken).toBe(true);
    expect(responder.receive(message('dtmf', 3, { digit: '1' })).isTaken).toBeFalsy();
    expect(responder.receive(message('close', 4)).isTaken).toBeFalsy();
  });

  it.each([0, -1, 1.5, '3', null, 2 ** 31, 1e300])(
    'do not repeat the sequence number %p',
    (seq) => {
      const responder = create();
      expect(responder.receive(message('ping', seq)).answer).toBeUndefined();
      expect(parsed(responder.receive(message('ping', 2)).answer)).toMatchObject({ clientseq: 2 });
    },
  );

  it('never count back when messages come out of order', () => {
    const responder = create();
    responder.receive(message('ping', 5));
    expect(parsed(responder.receive(message('ping', 3)).answer)).toMatchObject({
      seq: 3,
      clientseq: 5,
    });
  });

  it('end after 20 pings within a second, without a gap in their numbers', () => {
    const responder = create();
    const answers = Array.from(
      { length: 10_000 },
      (_, index) => responder.receive(message('ping', index + 2)).answer,
    );
    expect(answers.filter((answer) => answer !== undefined)).toHaveLength(20);
    expect(parsed(responder.receive(message('close', 20_000)).answer)).toMatchObject({
      type: 'closed',
      seq: 22,
    });
  });

  it('are one to many closes', () => {
    const responder = create();
    expect(parsed(responder.receive(message('close', 2)).answer)).toMatchObject({ type: 'closed' });
    expect(responder.receive(message('close', 3)).answer).toBeUndefined();
  });

  it.each([
    ['no JSON', Buffer.from('x')],
    ['a list', Buffer.from('[1]')],
    ['nothing', Buffer.alloc(0)],
    ['the name of a prototype', message('__proto__', 2)],
    ['of another session', Buffer.from('{"version":"2","id":"s-2","type":"ping","seq":2}')],
    ['longer than any ping', message('ping', 2, { a: 'x'.repeat(65_536) })],
  ])('are none to a message that is %s, which the bot gets', (_, data) => {
    expect(create().receive(data)).toEqual({});
  });

  it.each(['', 'x', '[]', '{}', '{"type":"event"}'])(
    'let out no text of the bot that is no message of the protocol: %p',
    (text) => {
      expect(create().send(text)).toBeUndefined();
    },
  );
});
