import type { DynamicModule, InjectionToken, ModuleMetadata, Type } from '@nestjs/common';
import { ValidateBy } from 'class-validator';
import { RunnerAuth } from './auth/runner-auth.js';
import { BotLauncher } from './bot/bot-launcher.js';
import { FileStorage } from './bot/file-storage.js';
import { CallLimits } from './calls/call-limits.js';
import { CallRouter } from './calls/call-router.js';
import { Fleet } from './fleet/fleet.js';
import { RunnerOptions } from './runner.options.js';
import { SessionHooks } from './sessions/session-hooks.js';
import { type ResolvedUploadsOptions, UploadsOptions } from './uploads/uploads.options.js';
import { Nested } from './validation/field-traits.js';
import { IsFlag, ValidatedBy } from './validation/option.decorators.js';
import {
  InvalidOptionsError,
  isClass,
  kindOf,
  optionNamesOf,
  resolveOptions,
  unknownOption,
  type WithDefaults,
} from './validation/options.js';
import { type PartsOption, partsOptionOf } from './validation/runner-part.decorator.js';

/** A replaceable part of the runner: a class, or any form of Nest provider for one. */
export type Provided<T> =
  | Type<T>
  | { useClass: Type<T> }
  | { useExisting: InjectionToken }
  | { useValue: T }
  | {
      // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as in Nest's FactoryProvider
      useFactory: (...args: any[]) => T | Promise<T>;
      inject?: InjectionToken[];
    };

const FORMS = ['useClass', 'useExisting', 'useFactory', 'useValue'];

/** @param method the method that the class must implement */
const IsProvided = (base: { name: string }, method: string): PropertyDecorator =>
  ValidatedBy((value) => providedProblem(value, base, method));

function providedProblem(
  value: unknown,
  base: { name: string },
  method: string,
): string | undefined {
  const needed = `must be a class that extends ${base.name}`;
  const example = `class Mine extends ${base.name} { async ${method}(…) { … } }`;
  if (typeof value === 'function') {
    // The method may be a field, which only instances have.
    return isClass(value) || has(value.prototype, method)
      ? undefined
      : `${needed}, not a function: write ${example}`;
  }
  if (typeof value === 'object' && value !== null) {
    if (isProvider(value)) return undefined;
    if (has(value, method)) {
      const { name } = value.constructor;
      const fix =
        name === 'Object' ? '{ useValue: … }' : `${name}, or { useValue: new ${name}(…) }`;
      return `${needed}, not ${kindOf(value)}: write ${fix}`;
    }
  }
  return `${needed}, or a provider: { ${FORMS.join(' | ')} }`;
}

function fleetProblem(value: unknown): string | undefined {
  if (isProvider(value)) return undefined;
  const what = has(value, 'claim') ? 'the fleet itself' : kindOf(value);
  return `must be { useFactory: () => redisFleet({ … }) }, or a provider of another form: { ${FORMS.join(' | ')} }, not ${what}`;
}

const isProvider = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && FORMS.some((form) => form in value);

const has = (value: unknown, method: string): boolean =>
  typeof (value as Record<string, unknown> | undefined)?.[method] === 'function';

/** List of modules, each of which may be named in the message. */
const IsPartsList = (option: PartsOption): PropertyDecorator =>
  ValidateBy({
    name: 'isPartsList',
    validator: {
      validate: (value) => partsProblems(option, value).length === 0,
      defaultMessage: (args) => partsProblems(option, args!.value).join('\n'),
    },
  });

function partsProblems(option: PartsOption, value: unknown): string[] {
  const example = option === 'transports' ? 'WebSocketModule' : 'MetricsModule';
  if (!Array.isArray(value)) {
    return [
      `${option} must be a list of modules, such as [${example}.forRoot()], not ${quoted(value)}`,
    ];
  }
  return value.flatMap((part: unknown, index) => {
    const problem = partProblem(option, part, example);
    return problem === undefined ? [] : [`${option}[${index}] ${problem}`];
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

/** Options that shape the module itself, known before an options factory runs. */
export class RunnerModuleExtras {
  /**
   * Name of this runner among several in the application. With a name it is injected by `@InjectRunner(name)` only.
   * @default none: it is injected as `Runner`, and its providers under their own classes
   */
  @ValidatedBy((value) =>
    typeof value === 'string' && value !== ''
      ? undefined
      : `must be a text such as 'sales', not ${kindOf(value)}`,
  )
  name?: string;
  /** The bot. Without one, `/start` answers 501. */
  @IsProvided(BotLauncher, 'launch')
  launcher?: Provided<BotLauncher>;
  /** Authorization of requests. Without it, `publicKeys` and `privateKeys` decide. */
  @IsProvided(RunnerAuth, 'authorize')
  auth?: Provided<RunnerAuth>;
  /** Decides about each phone call before it is answered. Without it every call is accepted. */
  @IsProvided(CallRouter, 'route')
  callRouter?: Provided<CallRouter>;
  /** Limits of `OutboundCalls` and `transport.transfer()`. Without it there are none. */
  @IsProvided(CallLimits, 'reserve')
  callLimits?: Provided<CallLimits>;
  /** Receives every ended session and every refused start. */
  @IsProvided(SessionHooks, 'ended')
  sessionHooks?: Provided<SessionHooks>;
  /** File uploads of clients. Without a `folder` here and without {@link fileStorage}, uploads are off. */
  @Nested(() => UploadsOptions)
  uploads?: UploadsOptions = new UploadsOptions();
  /** Storage of uploaded files. @default the folder of `uploads` */
  @IsProvided(FileStorage, 'save')
  fileStorage?: Provided<FileStorage>;
  /** Fleet of nodes that are one runner: `redisFleet()` of `nestjs-pipecat-runner/fleet`. Without it the runner is alone. */
  @ValidatedBy(fleetProblem)
  fleet?: Provided<Fleet>;
  /** Modules whose providers the parts above and an options factory can inject. */
  @ValidatedBy((value) =>
    Array.isArray(value) ? undefined : `must be a list of modules, not ${kindOf(value)}`,
  )
  imports?: ModuleMetadata['imports'];
  /** The transports this instance offers, such as `WebSocketModule.forRoot()`. @default [] */
  @IsPartsList('transports')
  transports?: DynamicModule[] = [];
  /** Optional features, such as `MetricsModule.forRoot()`. @default [] */
  @IsPartsList('features')
  features?: DynamicModule[] = [];
  /**
   * Path prefix of all routes and WebSockets, such as `voice` for `/voice/start` and `/voice/ws`. Unique in an application.
   * @default ''
   */
  @ValidatedBy((value) =>
    typeof value === 'string' && /^\/*([\w.~-]+(\/[\w.~-]+)*)?\/*$/.test(value)
      ? undefined
      : `must be plain URL segments such as 'voice' or 'api/voice', not ${quoted(value)}`,
  )
  path?: string = '';
  /** Serves a page at `/client/` to talk to the bot from a browser. With keys configured, the page needs a public one. @default false */
  @IsFlag()
  console?: boolean = false;
  /** Serves `GET /livez` and `GET /readyz`. @default true */
  @IsFlag()
  health?: boolean = true;
  /** Makes the runner's exported providers injectable everywhere. @default false */
  @IsFlag()
  isGlobal?: boolean = false;
}

/** Names of the options that shape the module. */
export const EXTRAS = optionNamesOf(RunnerModuleExtras);

type ResolvedExtras = Omit<
  WithDefaults<
    RunnerModuleExtras,
    | 'name'
    | 'launcher'
    | 'auth'
    | 'callRouter'
    | 'callLimits'
    | 'sessionHooks'
    | 'fileStorage'
    | 'fleet'
    | 'imports'
  >,
  'uploads'
> & { readonly uploads: ResolvedUploadsOptions };

/**
 * Validates the options that shape the module, before Nest fails on them with a message that names none, and fills in their defaults.
 * @param given these options, among others
 * @throws {InvalidOptionsError} naming every invalid one, and what to write instead
 */
export const resolveExtras = (given: Record<string, unknown>): ResolvedExtras =>
  resolveOptions<ResolvedExtras>(
    'RunnerModule',
    new RunnerModuleExtras(),
    Object.fromEntries(EXTRAS.map((name) => [name, given[name]])),
  );

const ASYNC = ['useFactory', 'useClass', 'useExisting', 'inject', 'provideInjectionTokensFrom'];

/**
 * Checks the names of what `forRootAsync` is given, of which Nest passes over those that it does not know.
 * @throws {InvalidOptionsError}
 */
export function checkAsyncOptions(options: object): void {
  const accepted = [...ASYNC, ...EXTRAS];
  const fromFactory = optionNamesOf(RunnerOptions);
  const problems = Object.entries(options)
    .filter(([name, value]) => value !== undefined && !accepted.includes(name))
    .map(([name]) =>
      fromFactory.includes(name)
        ? `${name} belongs into what useFactory returns`
        : `${name} ${unknownOption(name, [...accepted, ...fromFactory])}`,
    );
  if (problems.length > 0) throw new InvalidOptionsError('RunnerModule', problems);
}
