import { expect, it, jest } from '@jest/globals';
import type { RunnerArguments } from '../../bot/runner-arguments.js';

it.each(['@livekit/agents', '@livekit/rtc-node'])(
  'agentSession() says how to install %s where it is missing',
  async (name) => {
    jest.resetModules();
    jest.unstable_mockModule('@livekit/agents', () => ({}));
    jest.unstable_mockModule(name, () => {
      throw Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' });
    });
    const { agentSession } = await import('./agent-session.js');
    const create = jest.fn<() => never>();
    await expect(
      agentSession({} as RunnerArguments, create, { agent: {} as never }),
    ).rejects.toThrow(`agentSession() needs ${name}: npm install ${name}`);
    expect(create).not.toHaveBeenCalled();
  },
);
