import { describe, expect, it } from '@jest/globals';
import { type MoqOptions, resolveMoqOptions } from './moq.options.js';

describe('MoqOptions', () => {
  it('have the bot serve at localhost by default', () => {
    expect(resolveMoqOptions({ namespace: undefined })).toEqual({
      serve: true,
      host: 'localhost',
      port: 4080,
      path: '/moq',
      bind: '[::]:4080',
      namespace: 'pipecat',
      botId: 'response',
      clientId: 'request',
      tlsHost: 'localhost',
      tlsInsecure: false,
      readyTimeoutMs: 15_000,
    });
  });

  it.each([
    ['::1', '[::1]'],
    ['10.0.0.7', '10.0.0.7'],
    ['bot.example.com', 'bot.example.com'],
  ])('have the browser connect to a server at %s', (tlsHost, host) => {
    expect(resolveMoqOptions({ tlsHost })).toMatchObject({ tlsHost, host });
  });

  it.each([
    ['https://cdn.moq.dev/anon', 'cdn.moq.dev', 443, '/anon'],
    ['http://127.0.0.1:4443', '127.0.0.1', 4_443, '/moq'],
    ['https://relay.example.com:8443/', 'relay.example.com', 8_443, '/moq'],
  ])('connect to the relay %s', (relayUrl, host, port, path) => {
    const options = resolveMoqOptions({ relayUrl });
    expect(options).toMatchObject({ serve: false, host, port, path });
    expect(options).not.toHaveProperty('namespace');
  });

  it.each([
    [{ relayUrl: 'relay.example.com' }, 'relayUrl must be a URL'],
    [{ bind: '4080' }, 'bind must be an address with a port'],
    [{ bind: '[::]:70000' }, 'bind must be an address with a port'],
    [{ bind: '[::]:0' }, 'bind must be an address with a port'],
    [{ namespace: 'a\u001b[2J' }, 'namespace must be text'],
    [{ namespace: 'a'.repeat(201) }, 'namespace must be text'],
    [{ tlsCert: 'src', tlsKey: 'src' }, 'src is none'],
    [{ tlsCert: 'package.json', tlsKey: 'package.json' }, 'package.json is none'],
    [{ relayUrl: 'https://a.test', tlsCert: 'package.json' }, 'package.json is none'],
    [{ namespace: '' }, 'namespace must be text'],
    [{ botId: 'a b' }, 'botId must be text'],
    [{ tlsHost: 'a/b' }, 'tlsHost must be a host name'],
    [{ tlsHost: 'https://a' }, 'tlsHost must be a host name'],
    [{ tlsHost: 'a:4080' }, 'tlsHost must be a host name'],
    [{ tlsHost: 'me@a' }, 'tlsHost must be a host name'],
    [{ tlsHost: '' }, 'tlsHost must be a host name'],
    [{ tlsCert: 'package.json' }, 'tlsCert needs tlsKey'],
    [{ tlsKey: 'package.json' }, 'tlsKey needs tlsCert'],
    [{ tlsCert: 'gone.pem', tlsKey: 'package.json' }, 'there is no gone.pem'],
    [{ tlsInsecure: 1 }, 'tlsInsecure must be true or false'],
    [{ readyTimeoutMs: 0 }, 'readyTimeoutMs must be'],
    [{ relay: 'x' }, 'relay is not an option'],
  ])('%j is refused', (options, problem) => {
    expect(() => resolveMoqOptions(options as MoqOptions)).toThrow(problem);
  });
});
