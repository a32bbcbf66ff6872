// A node whose bots join rooms, where BullMQ is not installed.
import { register } from 'node:module';

const hooks = `export function resolve(specifier, context, next) {
  if (specifier !== 'bullmq') return next(specifier, context);
  throw Object.assign(new Error('not installed'), { code: 'ERR_MODULE_NOT_FOUND' });
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

await import('./room-node-host.js');
