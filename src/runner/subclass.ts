import type { Type } from '@nestjs/common';

/** A subclass that adds nothing, under the same name. What decorators said of the class is true of it, too. */
export function subclassOf(original: Type<unknown>): Type<object> {
  const subclass = class extends (original as Type<object>) {};
  Object.defineProperty(subclass, 'name', { value: original.name });
  return subclass;
}
