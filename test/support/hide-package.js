import { register } from 'node:module';

/** Lets a package look as if it were not installed, for what is imported from now on. */
export function hidePackage(name) {
  const hooks = `export function resolve(specifier, context, next) {
  if (specifier !== ${JSON.stringify(name)}) return next(specifier, context);
  throw Object.assign(new Error('not installed'), { code: 'ERR_MODULE_NOT_FOUND' });
}`;
  register(`data:text/javascript,${encodeURIComponent(hooks)}`);
}
