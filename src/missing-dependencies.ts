import { type InjectionToken, Logger, type Provider } from '@nestjs/common';
import {
  OPTIONAL_DEPS_METADATA,
  PARAMTYPES_METADATA,
  SELF_DECLARED_DEPS_METADATA,
} from '@nestjs/common/constants.js';
import { ModuleRef, ModulesContainer } from '@nestjs/core';

/** Nest's internal record of a module. */
type HostModule = ModulesContainer extends Map<string, infer M> ? M : never;

type Wrapper = HostModule['providers'] extends Map<unknown, infer W> ? W : never;

/** A provider of the host that the runner constructs: name of the option, and DI token. */
export type Constructed = readonly [option: string, token: InjectionToken];

/**
 * Logs unresolvable dependencies of the host's providers, with the option that fixes them. Nest itself fails with an error that names
 * no option, before any provider could throw a better one.
 */
export const dependenciesCheck = (constructed: readonly Constructed[]): Provider => ({
  provide: Symbol('DEPENDENCIES_CHECK'),
  inject: [ModuleRef],
  useFactory: (moduleRef: ModuleRef) => {
    const modules = [...moduleRef.get(ModulesContainer, { strict: false }).values()];
    const own = modules.find((one) => one.getProviderByKey(ModuleRef)?.instance === moduleRef);
    for (const [option, constructedToken] of own ? constructed : []) {
      const wrapper = own!.providers.get(constructedToken);
      warnOfUndecorated(option, wrapper);
      for (const token of dependenciesOf(wrapper)) {
        if (isVisible(own!, token)) continue;
        new Logger('PipecatRunner').error(
          `${option} injects ${nameOf(token)}, ${fixFor(token, own!, modules)}.`,
        );
      }
    }
  },
});

/** Warns of a class to which Nest gives no arguments, because nothing says which. */
function warnOfUndecorated(option: string, wrapper: Wrapper | undefined): void {
  const { inject, metatype } = wrapper ?? {};
  if (inject || typeof metatype !== 'function' || metatype.length === 0) return;
  const keys = [PARAMTYPES_METADATA, SELF_DECLARED_DEPS_METADATA];
  if (keys.some((key) => Reflect.hasMetadata(key, metatype))) return;
  const { length, name } = metatype;
  new Logger('PipecatRunner').warn(
    `${option} ${name} takes ${length} argument${length === 1 ? '' : 's'}, and is given none: without @Injectable() nothing says what it injects.`,
  );
}

/** Returns the required tokens of a provider, by its current class or factory, which tests may have overridden. */
function dependenciesOf(wrapper: Wrapper | undefined): InjectionToken[] {
  if (!wrapper?.metatype) return [];
  if (wrapper.inject) {
    return wrapper.inject.flatMap((one) =>
      typeof one === 'object' && 'token' in one ? (one.optional ? [] : [one.token]) : [one],
    );
  }
  const metadata = <T>(key: string): T[] =>
    (Reflect.getMetadata(key, wrapper.metatype as object) ?? []) as T[];
  const tokens = [...metadata<InjectionToken>(PARAMTYPES_METADATA)];
  const declared = metadata<{ index: number; param: InjectionToken }>(SELF_DECLARED_DEPS_METADATA);
  for (const { index, param } of declared) tokens[index] = param;
  const optional = metadata<number>(OPTIONAL_DEPS_METADATA);
  return tokens.filter((_, index) => !optional.includes(index));
}

/** Returns true when a module can inject a token, and when that is unknown: Nest decides. */
function isVisible(own: HostModule, token: InjectionToken | undefined): boolean {
  if (token === undefined || token === Object || typeof token === 'object') return true;
  if (own.providers.has(token)) return true;
  return [...own.imports].some((module) => isExported(module, token));
}

function isExported(
  module: HostModule,
  token: InjectionToken,
  seen = new Set<HostModule>(),
): boolean {
  if (seen.has(module)) return false;
  seen.add(module);
  if (module.exports.has(token)) return true;
  return [...module.imports].some(
    (imported) => module.exports.has(imported.metatype) && isExported(imported, token, seen),
  );
}

function fixFor(token: InjectionToken, own: HostModule, modules: readonly HostModule[]): string {
  const name = nameOf(token);
  const provider = modules.find((module) => module.providers.has(token));
  if (!provider) {
    return `which no module provides: add the module that exports it to RunnerModule.forRoot({ imports: [ … ] })`;
  }
  const { name: home } = provider.metatype;
  if (reaches(provider, own)) {
    return `which ${home} provides, but ${home} imports RunnerModule itself: move ${name} to a module of its own that exports it, and write RunnerModule.forRoot({ imports: [ThatModule] })`;
  }
  const exported = provider.exports.has(token) ? '' : `, exporting it from there`;
  return `which ${home} provides: write RunnerModule.forRoot({ imports: [${home}] })${exported}`;
}

/** Returns true when a module imports another, directly or transitively. */
function reaches(from: HostModule, to: HostModule, seen = new Set<HostModule>()): boolean {
  if (from === to) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return [...from.imports].some((imported) => reaches(imported, to, seen));
}

const nameOf = (token: InjectionToken): string =>
  typeof token === 'function' ? token.name : String(token);
