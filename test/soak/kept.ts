import { readFileSync } from 'node:fs';

/** Objects that were made between two heap snapshots of a process and is still there at the second. */
export interface Kept {
  readonly bytes: number;
  /** Sessions that ended in between. */
  readonly sessions: number;
  /** Classes with most of the bytes. */
  readonly most: readonly (readonly [name: string, bytes: number])[];
}

/** Part of the format of V8 that is read: https://developer.chrome.com/docs/devtools/memory-problems/heap-snapshots */
interface HeapSnapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly [readonly string[], ...unknown[]];
    };
  };
  readonly nodes: readonly number[];
  readonly strings: readonly string[];
}

interface HeapObject {
  readonly name: string;
  readonly bytes: number;
  readonly isText: boolean;
}

/** Compiled code with V8's books on it, which come and go as functions become warm and cold, and what has no identity. */
const NOT_OBJECTS = new Set(['code', 'hidden', 'object shape', 'native', 'synthetic']);
const MOST = 8;

/**
 * Compares two heap snapshots of one process by the objects in them. Of each class it counts what there is more of. Strings are counted without
 * those that went: V8 drops the sources of code that is not run any more.
 */
export function keptBetween(before: string, after: string, sessions: number): Kept {
  const [was, is] = [read(before), read(after)];
  const byClass = new Map<string, number>();
  const add = (name: string, bytes: number) => byClass.set(name, (byClass.get(name) ?? 0) + bytes);
  for (const [id, { name, bytes }] of is) if (!was.has(id)) add(name, bytes);
  for (const [id, { name, bytes, isText }] of was) if (!is.has(id) && !isText) add(name, -bytes);
  const more = [...byClass].filter(([, bytes]) => bytes > 0).sort(([, a], [, b]) => b - a);
  return {
    bytes: more.reduce((sum, [, bytes]) => sum + bytes, 0),
    sessions,
    most: more.slice(0, MOST),
  };
}

/** Objects of a heap snapshot by their ids, which are the same in all snapshots of a process. */
function read(file: string): ReadonlyMap<number, HeapObject> {
  const { snapshot, nodes, strings } = JSON.parse(readFileSync(file, 'utf8')) as HeapSnapshot;
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const [type, name, id, size] = ['type', 'name', 'id', 'self_size'].map((field) =>
    fields.indexOf(field),
  ) as [number, number, number, number];
  const objects = new Map<number, HeapObject>();
  for (let at = 0; at < nodes.length; at += fields.length) {
    const typeName = types[0][nodes[at + type]!]!;
    if (NOT_OBJECTS.has(typeName)) continue;
    const isText = typeName.endsWith('string');
    const hasClass = !isText && typeName !== 'number' && typeName !== 'bigint';
    objects.set(nodes[at + id]!, {
      name: hasClass ? `${typeName} ${strings[nodes[at + name]!]!}` : typeName,
      bytes: nodes[at + size]!,
      isText,
    });
  }
  return objects;
}
