// Thrown values that break code that prints them, inspects them or tests their class. Each call creates a new one.
import { inspect } from 'node:util';
import { ForbiddenException } from '@nestjs/common';
import { ProviderError, RunnerError } from 'nestjs-pipecat-runner';
import { ClientMessageError } from 'nestjs-pipecat-runner/bot';

const broken = () => {
  throw new Error('a getter that throws');
};
const withGetter = (target, key) => Object.defineProperty(target, key, { get: broken });

function revokedProxy(target) {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

/** A proxy each of whose traps throws. */
const trap = (target) => new Proxy(target, new Proxy({}, { get: broken }));

/** @type {Record<string, () => unknown>} */
export const THROWABLES = {
  undefined: () => undefined,
  null: () => null,
  'a number': () => 42,
  'a BigInt': () => 42n,
  'a symbol': () => Symbol('thrown'),
  'a function': () => () => undefined,
  'an object without prototype': () => Object.create(null),
  'a revoked proxy': () => revokedProxy({}),
  'a revoked proxy of an error': () => revokedProxy(new Error('revoked')),
  'a revoked proxy of a function': () => revokedProxy(() => undefined),
  'a proxy whose traps throw': () => trap(new Error('trapped')),
  'an error whose message is an object': () =>
    Object.assign(new Error(), { message: Object.create(null) }),
  'an error whose message is a symbol': () => Object.assign(new Error(), { message: Symbol('m') }),
  'an error whose name is an object': () =>
    Object.assign(new Error('boom'), { name: Object.create(null) }),
  'an error whose stack is an object': () =>
    Object.assign(new Error('boom'), { stack: Object.create(null) }),
  'an error whose message throws': () => withGetter(new Error(), 'message'),
  'an error whose name throws': () => withGetter(new Error('boom'), 'name'),
  'an error whose stack throws': () => withGetter(new Error('boom'), 'stack'),
  'an error whose cause throws': () => withGetter(new Error('boom'), 'cause'),
  'an error whose cause is a revoked proxy': () => new Error('boom', { cause: revokedProxy({}) }),
  'an error whose code throws': () => withGetter(new Error('boom'), 'code'),
  'an error that cannot be inspected': () =>
    Object.assign(new Error('boom'), { [inspect.custom]: broken }),
  'an error that cannot be JSON': () => Object.assign(new Error('boom'), { toJSON: broken }),
  'an error of a class whose instanceof throws': () => {
    class Strange extends Error {}
    Object.setPrototypeOf(Strange.prototype, trap(Error.prototype));
    return Object.create(Strange.prototype);
  },
  'an object whose toString throws': () => ({ toString: broken }),
  'an object whose valueOf throws': () => ({ toString: undefined, valueOf: broken }),
  'an object whose toPrimitive throws': () => ({ [Symbol.toPrimitive]: broken }),
  'an object whose toString gives no text': () => ({ toString: () => ({}) }),
  'an object whose then throws': () => withGetter({}, 'then'),
  'an object whose constructor throws': () => withGetter({}, 'constructor'),
  'a RunnerError whose message throws': () => withGetter(new RunnerError('NO_BOT', ''), 'message'),
  'a RunnerError whose code throws': () => withGetter(new RunnerError('NO_BOT', ''), 'code'),
  'a RunnerError without a known code': () => new RunnerError('__proto__', 'boom'),
  'a RunnerError whose details cannot be JSON': () =>
    Object.defineProperty(new RunnerError('NO_BOT', 'boom'), 'details', { value: { a: 1n } }),
  'a ProviderError whose status throws': () =>
    withGetter(new ProviderError('PROVIDER_REFUSED', 'boom'), 'providerStatus'),
  'a ClientMessageError whose message throws': () =>
    withGetter(new ClientMessageError('boom'), 'message'),
  'an HttpException whose status throws': () =>
    Object.assign(new ForbiddenException(), { getStatus: broken }),
  'an HttpException of no status': () =>
    Object.assign(new ForbiddenException(), { getStatus: () => 'x' }),
  'an HttpException whose message cannot be shown': () =>
    new ForbiddenException({ message: [Object.create(null)] }),
  'an error with a message without end': () => new Error('x'.repeat(5_000_000)),
};
