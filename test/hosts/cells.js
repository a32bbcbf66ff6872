import { checkFull } from './checks/full.js';
import { checkScaffold } from './checks/scaffold.js';

const TYPESCRIPTS = ['5.1.6', '5.4.5', '5.7.3', '5.8.3', '5.9.3', '6.0.3'];
const RESOLUTIONS = ['node10', 'node16', 'nodenext', 'bundler'];
const NODES = [20, 22, 24];
const CLIS = [11, 12];
const MANAGERS = ['npm', 'pnpm', 'yarn', 'berry'];
/** A dependency of Nest 12 wants Node 22, which Yarn 1 insists on. */
const runs = ({ cli, manager, node }) => cli === 11 || manager !== 'yarn' || node >= 22;
/** Where the peer range of `@nestjs/*` begins, by the CLI's major version. */
const LOWEST = { 11: '11.1.4' };
const BUILDERS = { 11: ['tsc', 'swc', 'webpack'], 12: ['tsc', 'swc', 'rspack'] };

/** Nest's own declarations cannot be checked by TypeScript before 5.4. */
const types = (typescript, resolution) => ({
  typescript,
  resolution,
  skipLibCheck: typescript === '5.1.6',
});

const EVERY_TYPES = TYPESCRIPTS.flatMap((typescript) =>
  RESOLUTIONS.map((resolution) => types(typescript, resolution)),
);

const scaffold = (cell) => ({
  name: `nest${cell.cli} ${cell.manager} node${cell.node}`,
  check: checkScaffold,
  ...cell,
});
const full = (cell) => ({
  name: `full nest${cell.cli} ${cell.adapter} node${cell.node}`,
  check: checkFull,
  ...cell,
});

/** Every value of every dimension once or more, and every pair of CLI with what else there is. */
export const FEW = [
  scaffold({
    ...{
      cli: 11,
      manager: 'npm',
      node: 20,
      fastify: true,
      jest29: true,
      builders: ['tsc', 'webpack'],
      bundle: true,
      lowest: LOWEST[11],
    },
    identity: NODES,
    types: [
      types('5.1.6', 'node10'),
      types('5.4.5', 'node16'),
      types('5.8.3', 'bundler'),
      types('6.0.3', 'nodenext'),
    ],
  }),
  scaffold({
    ...{
      cli: 12,
      manager: 'npm',
      node: 24,
      fastify: true,
      builders: ['tsc', 'rspack'],
      bundle: true,
    },
    identity: NODES,
    types: [
      types('5.1.6', 'bundler'),
      types('5.7.3', 'nodenext'),
      types('5.9.3', 'node16'),
      types('6.0.3', 'node10'),
    ],
  }),
  scaffold({ cli: 11, manager: 'pnpm', node: 24, builders: ['swc'] }),
  scaffold({ cli: 12, manager: 'pnpm', node: 20, builders: ['swc'] }),
  scaffold({ cli: 11, manager: 'yarn', node: 22 }),
  scaffold({ cli: 12, manager: 'yarn', node: 22 }),
  full({ cli: 11, adapter: 'fastify', node: 22 }),
  full({ cli: 12, adapter: 'express', node: 24 }),
];

/** The whole matrix. */
export const ALL = [
  ...CLIS.flatMap((cli) =>
    MANAGERS.flatMap((manager) => NODES.map((node) => ({ cli, manager, node }))),
  )
    .filter(runs)
    .map((cell) =>
      scaffold({
        ...cell,
        // Only npm gives Fastify the version that the application asks for.
        fastify: cell.cli === 12 || cell.manager === 'npm',
        builders: BUILDERS[cell.cli],
        ...(cell.manager === 'npm' && {
          bundle: true,
          jest29: cell.cli === 11,
          identity: [cell.node],
          types: cell.node === 22 ? EVERY_TYPES : [],
          lowest: LOWEST[cell.cli],
        }),
      }),
    ),
  ...CLIS.flatMap((cli) =>
    ['express', 'fastify'].flatMap((adapter) =>
      [22, 24].map((node) => full({ cli, adapter, node })),
    ),
  ),
];
