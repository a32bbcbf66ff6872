import { isObject } from '../../validation/is-object.js';
import type { AccountFields, Carrier } from './carriers/carrier.js';
import { BUILT_IN, type CARRIERS } from './carriers/index.js';

type AccountOf<C> = C extends Carrier<string, infer Account> ? Account : never;
type WithAccount<C> = C extends unknown ? (object extends AccountOf<C> ? never : C) : never;
type BuiltIn = WithAccount<(typeof CARRIERS)[number]>;

/** Carrier accounts by wire name, for the REST APIs: hanging up, transferring and placing calls. */
export type TelephonyCredentials = {
  readonly [C in BuiltIn as C['name']]?: AccountOf<C>;
} & { readonly [carrier: string]: object | undefined };

/** Returns what is wrong with the credentials, and what is accepted. */
export function checkCredentials(value: unknown, carriers = BUILT_IN): string | undefined {
  const names = carriers.all.flatMap(({ name, account }) => (account ? [name] : []));
  if (!isObject(value)) return `must be an object with ${names.join(', ')}`;
  for (const [carrier, account] of Object.entries(value)) {
    if (!names.includes(carrier)) return `must not have ${carrier}; there are ${names.join(', ')}`;
    const problem =
      account === undefined ? undefined : checkAccount(carriers.find(carrier)!, account);
    if (problem) return problem;
  }
  return undefined;
}

function checkAccount({ name, account: known }: Carrier, account: unknown): string | undefined {
  const needed = Object.keys(known!.required);
  const fields = [...needed, ...Object.keys(known!.optional ?? {})];
  if (!isObject(account)) return `must have in ${name} an object with ${fields.join(', ')}`;
  for (const field of [...needed, ...Object.keys(account)]) {
    if (!fields.includes(field)) {
      return `must not have ${name}.${field}; there are ${fields.join(', ')}`;
    }
    const text = account[field];
    if (typeof text === 'string' ? text === '' : text !== undefined || needed.includes(field)) {
      return `must have ${name}.${field}, a string`;
    }
  }
  if (!hasSecret(known!, account)) {
    const sets = known!.secrets!.map((fields) => {
      const names = fields.map((field) => `${name}.${field}`);
      return `${names.join(' and ')}, ${names.length > 1 ? 'strings' : 'a string'}`;
    });
    return `must have ${sets.join(', or ')}`;
  }
  const { apiUrl } = account;
  if (typeof apiUrl === 'string' && !/^https?:\/\/[^\s?#]*[^\s?#/]$/i.test(apiUrl)) {
    return `must have an http(s):// URL without a slash at its end as ${name}.apiUrl`;
  }
  const accepted = known!.check?.(account);
  return accepted && `must have ${accepted}`;
}

/** Reads the accounts from the carriers' environment variables. */
export function credentialsFromEnv(
  env: NodeJS.ProcessEnv,
  carriers = BUILT_IN,
): TelephonyCredentials {
  return Object.fromEntries(
    carriers.all.flatMap(({ name, account }) => {
      if (!account || !Object.values(account.required).every((variable) => env[variable]))
        return [];
      const fields = Object.entries({ ...account.required, ...account.optional }).map(
        ([field, variable]) => [field, env[variable] || undefined] as const,
      );
      const found = Object.fromEntries(fields);
      return hasSecret(account, found) ? [[name, found]] : [];
    }),
  );
}

const hasSecret = ({ secrets }: AccountFields, account: Readonly<Record<string, unknown>>) =>
  !secrets || secrets.some((fields) => fields.every((field) => account[field] !== undefined));
