import type { Type } from '@nestjs/common';

/** Returns an empty subclass with the same name, which inherits the metadata of decorators. */
export function subclassOf(original: Type<unknown>): Type<object> {
  const subclass = class extends (original as Type<object>) {};
  Object.defineProperty(subclass, 'name', { value: original.name });
  return subclass;
}
