import { describe, expect, it } from '@jest/globals';
import { FakeMediaConnection } from '../../test/support/fake-media-connection.js';
import { RunnerArguments } from '../bot/runner-arguments.js';
import { MediaUnavailableError } from '../bot/session-end.js';
import { MediaConnections } from './media-connections.js';

class RadioArguments extends RunnerArguments {
  channel = 1;
  transport_type?: string;
}
class ShortWaveArguments extends RadioArguments {}

const OPTIONS = { sampleRateHz: 16_000, signal: undefined };

describe('mediaConnections', () => {
  it('connects arguments of a class with the factory that was registered for it, which gets options and context', async () => {
    const connections = new MediaConnections();
    const link = new FakeMediaConnection();
    const given: unknown[] = [];
    connections.register(RadioArguments, (...all) => {
      given.push(...all);
      return link;
    });
    const args = new RadioArguments();
    const context = { hangUp: () => link.hangUp() };
    expect(await connections.connect(args, OPTIONS, context)).toBe(link);
    expect(given).toEqual([args, OPTIONS, context]);
    expect(given[0]).toBe(args);
  });

  it('connects subclasses, each with the factory of its nearest class', async () => {
    const connections = new MediaConnections();
    const [radio, shortWave] = [new FakeMediaConnection(), new FakeMediaConnection()];
    connections.register(RadioArguments, () => radio);
    expect(await connections.connect(new ShortWaveArguments(), OPTIONS, {})).toBe(radio);
    connections.register(ShortWaveArguments, () => shortWave);
    expect(await connections.connect(new ShortWaveArguments(), OPTIONS, {})).toBe(shortWave);
    expect(await connections.connect(new RadioArguments(), OPTIONS, {})).toBe(radio);
  });

  it('prefers the factory of a transport_type to that of the whole class', async () => {
    const connections = new MediaConnections();
    const [fm, any] = [new FakeMediaConnection(), new FakeMediaConnection()];
    connections.register(RadioArguments, () => fm, 'fm');
    const on = (transport_type?: string) =>
      connections.connect(Object.assign(new RadioArguments(), { transport_type }), OPTIONS, {});
    expect(await on('fm')).toBe(fm);
    await expect(on('am')).rejects.toThrow(MediaUnavailableError);
    connections.register(RadioArguments, () => any);
    expect(await on('am')).toBe(any);
    expect(await on()).toBe(any);
    expect(await on('fm')).toBe(fm);
  });

  it('refuses a second factory for a class, or for a transport_type of it', () => {
    const connections = new MediaConnections();
    const factory = () => new FakeMediaConnection();
    connections.register(RadioArguments, factory);
    connections.register(RadioArguments, factory, 'fm');
    expect(() => connections.register(RadioArguments, factory)).toThrow(
      'RadioArguments has a media connection already',
    );
    expect(() => connections.register(RadioArguments, factory, 'fm')).toThrow(
      "RadioArguments with transport_type 'fm' has a media connection already",
    );
  });

  it('names the class of arguments that nobody can connect', async () => {
    const connections = new MediaConnections();
    await expect(connections.connect(new RadioArguments(), OPTIONS, {})).rejects.toThrow(
      new MediaUnavailableError(
        'RadioArguments lead to no audio: no transport of this process has called mediaConnections.register() for them.',
      ),
    );
  });
});
