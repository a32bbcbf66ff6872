/** Decoders of JSON that are as strict as those of typed languages: no value is converted, and none is missing. */
export type Decoder<T> = (value: unknown, at?: string) => T;

const fail = (at: string, wanted: string, value: unknown): never => {
  throw new TypeError(`${at || 'the value'} is not ${wanted}: ${JSON.stringify(value)}`);
};

const primitive =
  <T>(wanted: string, is: (value: unknown) => boolean): Decoder<T> =>
  (value, at = '') =>
    is(value) ? (value as T) : fail(at, wanted, value);

export const string = primitive<string>('a string', (value) => typeof value === 'string');
export const boolean = primitive<boolean>('a boolean', (value) => typeof value === 'boolean');
export const double = primitive<number>('a number', Number.isFinite);
/** 32 bits, as in Kotlin; those of Swift are wider. */
export const int = primitive<number>(
  'an Int',
  (value) => Number.isInteger(value) && value === ((value as number) | 0),
);
export const oneOf = <T extends string>(...values: T[]): Decoder<T> =>
  primitive<T>(`one of ${values.join(', ')}`, (value) => values.includes(value as T));

export const list =
  <T>(item: Decoder<T>): Decoder<T[]> =>
  (value, at = '') =>
    Array.isArray(value)
      ? value.map((one, i) => item(one, `${at}[${i}]`))
      : fail(at, 'a list', value);

/** A field that may be `null` or absent: Swift's `decodeIfPresent`, and a nullable property with a default in Kotlin. */
export const optional =
  <T>(decoder: Decoder<T>): Decoder<T | undefined> =>
  (value, at) =>
    value == null ? undefined : decoder(value, at);

type Fields<T> = { readonly [K in keyof T]: Decoder<T[K]> };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An object, whose further keys are ignored: Swift's `Decodable`, and `Json { ignoreUnknownKeys = true }` in Kotlin. */
export const object =
  <T>(fields: Fields<T>): Decoder<T> =>
  (value, at = '') => {
    if (!isObject(value)) return fail(at, 'an object', value);
    const decoded: Partial<T> = {};
    for (const key of Object.keys(fields) as (keyof T & string)[]) {
      decoded[key] = fields[key](value[key], `${at}.${key}`);
    }
    return decoded as T;
  };

/** An object without further keys. */
export const exactly =
  <T>(fields: Fields<T>): Decoder<T> =>
  (value, at = '') => {
    const unknown = Object.keys(Object(value) as object).filter((key) => !(key in fields));
    return unknown.length > 0
      ? fail(at, `without ${unknown.join(', ')}`, value)
      : object(fields)(value, at);
  };

/** Any JSON but `null`: Swift's `Value` of Pipecat's client, whose lists and objects hold none either. */
export const swiftValue: Decoder<unknown> = (value, at = '') => {
  if (value === null || value === undefined) return fail(at, 'a Value', value);
  if (Array.isArray(value)) value.forEach((one, i) => swiftValue(one, `${at}[${i}]`));
  else if (isObject(value))
    for (const [key, one] of Object.entries(value)) swiftValue(one, `${at}.${key}`);
  return value;
};

/** Any JSON that is there: a `JsonElement` without a default. */
export const element: Decoder<unknown> = (value, at = '') =>
  value === undefined ? fail(at, 'there', value) : value;
