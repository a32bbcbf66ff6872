import type { Census } from '../faults/fault-host.js';

/** Kinds of resources that must be back to what they were; the processes themselves are others each time. */
const KINDS = ['timers', 'resources', 'fds', 'listeners'] as const;

/** Resources of which there are more than before. Connections that are kept for later may be fewer. */
export function differences(before: Census, after: Census): string[] {
  const childrenOf = ({ children }: Census) => String(children).split(' ').filter(Boolean).length;
  return [
    ...KINDS.flatMap((kind) => {
      const [was, is] = [before, after].map((census) => census[kind] as Record<string, number>);
      return [...new Set([...Object.keys(was!), ...Object.keys(is!)])]
        .filter((name) => (is![name] ?? 0) > (was![name] ?? 0))
        .map((name) => `${kind} ${name}: ${was![name] ?? 0} before, ${is![name] ?? 0} after`);
    }),
    ...(childrenOf(after) <= childrenOf(before)
      ? []
      : [`processes: ${childrenOf(before)} before, ${childrenOf(after)} after`]),
  ];
}
