/** Nest's `applyDecorators` for fields, without Nest: the classes of arguments are also loaded in the processes of bots. */
export const applyDecorators =
  (...decorators: PropertyDecorator[]): PropertyDecorator =>
  (target, key) => {
    for (const decorate of decorators) decorate(target, key);
  };
