import { RunnerAuth } from './auth/runner-auth.js';
import { BotLauncher } from './bot/bot-launcher.js';
import { FileStorage } from './bot/file-storage.js';
import { CallLimits } from './calls/call-limits.js';
import { CallRouter } from './calls/call-router.js';
import { EXTRAS } from './runner.options.js';
import { SessionHooks } from './sessions/session-hooks.js';
import { InvalidOptionsError, isClass, kindOf, trueOrFalse } from './validation/options.js';
import { type PartsOption, partsOptionOf } from './validation/runner-part.decorator.js';

type Extra = (typeof EXTRAS)[number];

/** Validates the value of an option. Returns problems as texts that follow its name. */
type Problems = (value: unknown) => string[];

/**
 * Validates the options that shape the module, before Nest fails on them with a message that names none.
 * @throws {InvalidOptionsError} naming every invalid one, and what to write instead
 */
export function checkExtras(extras: Partial<Record<Extra, unknown>>): void {
  const problems = EXTRAS.flatMap((name) =>
    extras[name] === undefined ? [] : CHECKS[name](extras[name]).map((text) => `${name}${text}`),
  );
  if (problems.length > 0) throw new InvalidOptionsError('RunnerModule', problems);
}

const CHECKS: Record<Extra, Problems> = {
  name: (value) =>
    typeof value === 'string' && value !== ''
      ? []
      : [` must be a text such as 'sales', not ${kindOf(value)}`],
  launcher: (value) => providedProblems(value, BotLauncher, 'launch'),
  auth: (value) => providedProblems(value, RunnerAuth, 'authorize'),
  callRouter: (value) => providedProblems(value, CallRouter, 'route'),
  callLimits: (value) => providedProblems(value, CallLimits, 'reserve'),
  sessionHooks: (value) => providedProblems(value, SessionHooks, 'ended'),
  // Its options are checked where they are resolved.
  uploads: () => [],
  fileStorage: (value) => providedProblems(value, FileStorage, 'save'),
  imports: (value) =>
    Array.isArray(value) ? [] : [` must be a list of modules, not ${kindOf(value)}`],
  transports: (value) => partsProblems('transports', value),
  features: (value) => partsProblems('features', value),
  path: (value) =>
    typeof value === 'string' && /^\/*([\w.~-]+(\/[\w.~-]+)*)?\/*$/.test(value)
      ? []
      : [
          ` must be plain URL segments such as 'voice' or 'api/voice', not ${typeof value === 'string' ? `'${value}'` : kindOf(value)}`,
        ],
  console: (value) => flagProblems(value),
  health: (value) => flagProblems(value),
  isGlobal: (value) => flagProblems(value),
};

function flagProblems(value: unknown): string[] {
  const problem = trueOrFalse(value);
  return problem ? [` ${problem}`] : [];
}

const FORMS = ['useClass', 'useExisting', 'useFactory', 'useValue'];

/** @param method the method that the class must implement */
function providedProblems(value: unknown, base: { name: string }, method: string): string[] {
  const needed = `must be a class that extends ${base.name}`;
  const example = `class Mine extends ${base.name} { async ${method}(…) { … } }`;
  if (typeof value === 'function') {
    // The method may be a field, which only instances have.
    return isClass(value) || has(value.prototype, method)
      ? []
      : [` ${needed}, not a function: write ${example}`];
  }
  if (typeof value === 'object' && value !== null) {
    if (FORMS.some((form) => form in value)) return [];
    if (has(value, method)) {
      const { name } = value.constructor;
      const fix =
        name === 'Object' ? '{ useValue: … }' : `${name}, or { useValue: new ${name}(…) }`;
      return [` ${needed}, not ${kindOf(value)}: write ${fix}`];
    }
  }
  return [` ${needed}, or a provider: { ${FORMS.join(' | ')} }`];
}

const has = (value: unknown, method: string): boolean =>
  typeof (value as Record<string, unknown> | undefined)?.[method] === 'function';

function partsProblems(option: PartsOption, value: unknown): string[] {
  const example = option === 'transports' ? 'WebSocketModule' : 'MetricsModule';
  if (!Array.isArray(value)) {
    return [` must be a list of modules, such as [${example}.forRoot()], not ${quoted(value)}`];
  }
  return value.flatMap((part: unknown, index) => {
    const problem = partProblem(option, part, example);
    return problem === undefined ? [] : [`[${index}] ${problem}`];
  });
}

function partProblem(option: PartsOption, part: unknown, example: string): string | undefined {
  if (typeof part === 'function' && 'forRoot' in part) {
    return `must be ${part.name}.forRoot(), not ${part.name} itself`;
  }
  const module = (part as { module?: unknown } | null | undefined)?.module;
  if (typeof module !== 'function') {
    return `must be a module, such as ${example}.forRoot(), not ${quoted(part)}`;
  }
  const own = partsOptionOf(module);
  return own === undefined || own === option ? undefined : `${module.name} belongs into ${own}`;
}

const quoted = (value: unknown): string =>
  typeof value === 'string' ? `'${value}'` : kindOf(value);
