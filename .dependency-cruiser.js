import { readFileSync } from 'node:fs';

/** Each folder of `src`, or file, and what it may import beside itself. */
const NEIGHBOURS = {
  errors: [],
  'packages.ts': ['errors'],
  compat: ['errors', 'limits'],
  limits: [],
  validation: ['compat', 'errors'],
  media: ['errors', 'limits', 'validation'],
  rtvi: ['errors', 'media', 'validation'],
  bot: ['errors', 'validation'],
  auth: ['errors', 'http', 'runner.options.ts'],
  sessions: [
    ...['auth', 'bot', 'errors', 'http', 'limits', 'media', 'validation', 'runner.options.ts'],
    ...['fleet/fleet.ts', 'fleet/local-fleet.ts'],
  ],
  calls: [
    ...['auth', 'errors', 'sessions', 'validation', 'runner.options.ts'],
    // The account of a call.
    'transports/telephony/telephony-credentials.ts',
  ],
  http: ['compat', 'errors', 'limits', 'validation', 'runner.options.ts', 'runner-ref.ts'],
  websocket: [
    ...[
      'auth',
      'bot',
      'compat',
      'errors',
      'http',
      'limits',
      'packages.ts',
      'sessions',
      'validation',
    ],
    ...['runner.options.ts', 'runner-ref.ts', 'media/serializers/media-serializer.ts'],
  ],
  runner: [
    ...['auth', 'compat', 'health', 'http', 'sessions', 'validation', 'websocket'],
    ...['runner-ref.ts', 'transports/transport-registry.ts'],
  ],
  console: [
    ...['auth', 'errors', 'http', 'packages.ts'],
    ...['transports/runner-transport.ts', 'transports/transport-registry.ts'],
  ],
  health: ['auth', 'bot', 'errors', 'http', 'sessions', 'transports/transport-registry.ts'],
  metrics: [
    ...['auth', 'errors', 'http', 'packages.ts', 'sessions', 'validation'],
    ...['fleet/fleet.ts', 'runner-ref.ts', 'transports/transport-registry.ts'],
  ],
  tracing: ['bot', 'errors', 'packages.ts', 'sessions', 'validation'],
  agents: [
    ...['bot', 'compat', 'errors', 'limits', 'media', 'packages.ts', 'rtvi', 'validation'],
    'transports/create-transport.ts',
  ],
  fleet: [
    ...['auth', 'bot', 'errors', 'packages.ts', 'sessions', 'validation', 'runner.options.ts'],
    'http/fleet-router',
    'http/runner-request.ts',
    ...['http/api-route.decorator.ts', 'http/runner-controller.decorator.ts'],
  ],
  downloads: ['auth', 'errors', 'http', 'validation'],
  uploads: ['auth', 'bot/file-storage.ts', 'errors', 'http', 'sessions', 'validation'],
  process: [
    ...['bot', 'errors', 'limits', 'media', 'packages.ts', 'sessions', 'websocket', 'validation'],
    // For its classes of arguments, and for requests to sessions.
    ...['bot.ts', 'compat/node-http.ts', 'http/body-stream.ts', 'http/request-body.ts'],
    ...['http/runner-request.ts', 'http/web-standard.ts', 'uploads/folder-file-storage.ts'],
  ],
  openapi: [
    ...['auth', 'compat', 'errors', 'http', 'packages.ts', 'validation'],
    ...['start/dto/start-request.dto.ts', 'runner-ref.ts', 'transports/transport-registry.ts'],
  ],
  start: [
    ...['auth', 'bot', 'errors', 'http', 'sessions', 'validation', 'runner.options.ts'],
    ...['transports/session-starter.ts', 'transports/transport-registry.ts'],
  ],
};

/** A file as it is, a folder with all that is in it. */
const pathOf = (one) => `^src/${one.replaceAll('.', '\\.')}${one.endsWith('.ts') ? '$' : '/'}`;

/** The files that the entries export from, read from the entries themselves. */
const EXPORTED = ['src/index.ts', 'src/bot.ts'].flatMap((entry) =>
  [...readFileSync(entry, 'utf8').matchAll(/^(?:export|\}).* from '\.\/(.*)\.js';$/gm)].map(
    ([, file]) => `${file}.ts`,
  ),
);

/** Functions and decorators that have no access to the runner: others bring their own. */
const TOOLS = [
  ...['errors', 'limits', 'media', 'packages.ts', 'validation'],
  // Signatures, and requests to a provider.
  ...['http/webhook-signature.ts', 'http/provider-client.ts'],
  ...['sessions/remove-room-on-end.ts', 'fleet/fleet.ts'],
];

/**
 * Needs of webhooks that the entries do not export: the raw body and the query, CallRouter's decision with its time limit, when the runner begins to
 * serve, and the other nodes of a fleet. A rule is about files, so it passes what a file has beside its exported names: RUNNER_OPTIONS, for LiveKit's use of pendingTtlMs.
 */
const NOT_EXPORTED = [
  ...['http/runner-request.ts', 'http/runner-serving.ts', 'calls/call-routing.ts'],
  'http/fleet-router/fleet-router.ts',
];

const SPECS = '\\.spec\\.ts$';

/** @param folders below src; the group is the folder's name */
const usesPublicPorts = (folders, exceptions = []) => ({
  name: `${folders.replaceAll(/[^a-z]+/g, '-')}use-public-ports`,
  severity: 'error',
  from: { path: `^src/${folders}/`, pathNot: SPECS },
  to: {
    path: '^src/',
    pathNot: [
      `^src/${folders.replace(/\(.*\)/, '$1')}/`,
      ...[...EXPORTED, ...TOOLS, ...exceptions].map(pathOf),
    ],
  },
});

/** Import rules, with dynamic, type-only and side-effect imports. */
export default {
  forbidden: [
    ...Object.entries(NEIGHBOURS).map(([folder, allowed]) => ({
      name: `${folder}-keeps-to-its-neighbours`,
      severity: 'error',
      from: { path: pathOf(folder), pathNot: SPECS },
      to: { path: '^src/', pathNot: [folder, ...allowed].map(pathOf) },
    })),
    {
      name: 'no-transport-knows-another',
      severity: 'error',
      from: { path: '^src/transports/([^/]+)/', pathNot: SPECS },
      to: {
        path: '^src/transports/[^/]+/',
        // A WhatsApp call is WebRTC, in Meta's wrapping.
        pathNot: ['^src/transports/$1/', '^src/transports/small-webrtc/'],
      },
    },
    {
      name: 'only-whatsapp-knows-small-webrtc',
      severity: 'error',
      from: {
        path: '^src/transports/[^/]+/',
        pathNot: ['^src/transports/(small-webrtc|whatsapp)/', SPECS],
      },
      to: { path: '^src/transports/small-webrtc/' },
    },
    // They have nothing that a transport or a carrier of somebody else has not, but for the exceptions.
    usesPublicPorts('transports/(websocket)'),
    usesPublicPorts('transports/(livekit|daily)', [
      ...NOT_EXPORTED,
      // The end of LiveKit's native library, which is the process's and not the transport's.
      ...['bot/native-runtimes.ts', 'compat/rtc-node.ts'],
    ]),
    // The files beside the carriers' folders are what they share: XML, dialects of the testing kit.
    usesPublicPorts('transports/telephony/carriers/([^/]+)', [
      'transports/telephony/carriers/[^/]+.ts',
    ]),
    {
      name: 'no-carrier-knows-another',
      severity: 'error',
      from: { path: '^src/transports/telephony/carriers/([^/]+)/', pathNot: SPECS },
      to: {
        path: '^src/transports/telephony/carriers/[^/]+/',
        pathNot: '^src/transports/telephony/carriers/$1/',
      },
    },
    {
      name: 'no-transport-knows-what-stands-above',
      severity: 'error',
      from: { path: '^src/transports/[^/]+/', pathNot: SPECS },
      to: { path: '^src/((start|standalone)/|(main|index|runner\\.module)\\.ts$)' },
    },
    {
      name: 'media-and-rtvi-know-no-nest',
      severity: 'error',
      from: { path: '^src/(media|rtvi)/', pathNot: SPECS },
      to: { path: 'node_modules/@nestjs/' },
    },
    {
      name: 'no-circles',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'everything-is-there',
      severity: 'error',
      from: { path: '^src/', pathNot: SPECS },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'default'],
    },
  },
};
