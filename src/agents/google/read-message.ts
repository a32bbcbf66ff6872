import { isObject } from '../../validation/is-object.js';
import type { LiveContent, LiveFunctionCall, LiveMessage } from './live-module.js';

/** Receives the path of a part that is malformed. */
type Drop = (path: string) => void;
/** Reads a value of the model; `undefined` for a malformed one, after `drop`. */
type Read<T> = (value: unknown, path: string, drop: Drop) => T | undefined;
type Fields<T> = { readonly [K in keyof T]-?: Read<NonNullable<T[K]>> };

const when =
  <T>(is: (value: unknown) => value is T): Read<T> =>
  (value, path, drop) =>
    is(value) ? value : void drop(path);

const text = when((value): value is string => typeof value === 'string');
const flag = when((value): value is boolean => typeof value === 'boolean');
const object = when(isObject);

/** Reads a list without its malformed items. */
const list =
  <T>(read: Read<T>): Read<readonly T[]> =>
  (value, path, drop) => {
    if (!Array.isArray(value)) return void drop(path);
    return value.map((item) => read(item, path, drop)).filter((item) => item !== undefined);
  };

/** Reads the given fields of an object. A `null` counts as no field. @param isWhole true to drop the object for a malformed field */
const fieldsOf =
  <T extends object>(fields: Fields<T>, isWhole: boolean): Read<Partial<T>> =>
  (value, path, drop) => {
    if (!isObject(value)) return void drop(path);
    const result: Partial<T> = {};
    for (const key in fields) {
      if (value[key] === undefined || value[key] === null) continue;
      const field = fields[key](value[key], `${path}.${key}`, drop);
      if (field !== undefined) result[key] = field;
      else if (isWhole) return undefined;
    }
    return result;
  };
/** Reads an object without its malformed fields. */
const parts = <T extends object>(fields: Fields<T>): Read<Partial<T>> => fieldsOf(fields, false);
/** Reads an object that is malformed when one of its fields is. */
const whole = <T extends object>(fields: Fields<T>): Read<Partial<T>> => fieldsOf(fields, true);

const content = parts<LiveContent>({
  modelTurn: whole({ parts: list(whole({ inlineData: whole({ data: text, mimeType: text }) })) }),
  interrupted: flag,
  generationComplete: flag,
  turnComplete: flag,
  inputTranscription: whole({ text, finished: flag }),
  outputTranscription: whole({ text }),
});

const message = parts<LiveMessage>({
  serverContent: content,
  toolCall: whole({
    functionCalls: list(whole<LiveFunctionCall>({ id: text, name: text, args: object })),
  }),
  toolCallCancellation: whole({ ids: list(text) }),
  goAway: whole({ timeLeft: text }),
  sessionResumptionUpdate: whole({ newHandle: text, resumable: flag }),
  voiceActivity: whole({ voiceActivityType: text }),
});

/** Reads the parts of a message that the adapter uses, without those that are malformed. @param drop receives their paths, such as `message.goAway` */
export const readMessage = (given: unknown, drop: Drop): LiveMessage =>
  message(given, 'message', drop) ?? {};
