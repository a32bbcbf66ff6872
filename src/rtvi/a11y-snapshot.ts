import { isObject } from '../validation/is-object.js';

/** Node of an accessibility tree. Clients may add further fields. */
export interface A11yNode {
  /** Reference for UI commands. The same element keeps it across snapshots. */
  readonly ref: string;
  /** ARIA role. */
  readonly role: string;
  /** Accessible name. */
  readonly name?: string | null;
  readonly value?: string | null;
  /** Tags such as `focused`, `disabled`, `offscreen`. */
  readonly state?: readonly string[] | null;
  /** Level of a heading. */
  readonly level?: number | null;
  readonly colcount?: number | null;
  readonly rowcount?: number | null;
  readonly children?: readonly A11yNode[] | null;
}

/** Accessibility tree of a user interface. Clients may add further fields. */
export interface A11ySnapshot {
  readonly root: A11yNode;
  /** In milliseconds since 1970. */
  readonly captured_at: number;
  /** The user's selection of text. */
  readonly selection?: {
    /** Element that holds the selection. */
    readonly ref: string;
    readonly text: string;
    readonly start_offset?: number | null;
    readonly end_offset?: number | null;
  } | null;
}

/** Limit of nodes in a snapshot. */
const MAX_NODES = 10_000;

type Fields = Readonly<Record<string, 'string' | 'strings' | 'number' | 'list'>>;
const NODE: Fields = {
  name: 'string',
  value: 'string',
  state: 'strings',
  level: 'number',
  colcount: 'number',
  rowcount: 'number',
  children: 'list',
};
const OFFSETS: Fields = { start_offset: 'number', end_offset: 'number' };

/** Returns what is wrong with a snapshot, to be read after its name; `undefined` when it is valid. */
export function snapshotProblem(snapshot: unknown): string | undefined {
  if (!isObject(snapshot)) return ' must be an object: { root, captured_at, selection? }';
  const { root, captured_at, selection } = snapshot;
  if (!Number.isInteger(captured_at)) return '.captured_at must be a whole number of milliseconds';
  return (
    (selection == null
      ? undefined
      : problemOf(selection, '.selection', ['ref', 'text'], OFFSETS)) ?? treeProblem(root)
  );
}

/** Iterative, because the client decides the depth. */
function treeProblem(root: unknown): string | undefined {
  const rest = [root];
  for (let count = 0; rest.length > 0; count++) {
    const node = rest.pop();
    const problem = problemOf(node, count === 0 ? '.root' : ': a node', ['ref', 'role'], NODE);
    if (problem) return problem;
    const { children } = node as A11yNode;
    // Before any of them is checked.
    if (count + rest.length + (children?.length ?? 0) >= MAX_NODES) {
      return ` must have at most ${MAX_NODES} nodes`;
    }
    // Not spread: there may be more than a call takes arguments.
    for (const child of children ?? []) rest.push(child);
  }
  return undefined;
}

function problemOf(
  value: unknown,
  where: string,
  required: readonly string[],
  optional: Fields,
): string | undefined {
  if (!isObject(value)) return `${where} must be an object`;
  const missing = required.find((name) => typeof value[name] !== 'string');
  if (missing) return `${where} must have a ${missing} that is a string`;
  for (const [name, type] of Object.entries(optional)) {
    if (value[name] != null && !IS[type](value[name])) return `${where} has an invalid ${name}`;
  }
  return undefined;
}

const IS = {
  string: (value: unknown) => typeof value === 'string',
  number: (value: unknown) => Number.isInteger(value),
  list: (value: unknown) => Array.isArray(value),
  strings: (value: unknown) => Array.isArray(value) && value.every(IS.string),
};
