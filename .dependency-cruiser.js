/** Each folder of `src`, or file, and what it may import beside itself. */
const NEIGHBOURS = {
  errors: [],
  'packages.ts': ['errors'],
  compat: ['errors'],
  limits: [],
  validation: ['compat', 'errors'],
  media: ['limits', 'validation'],
  rtvi: ['errors', 'media', 'validation'],
  bot: ['errors', 'validation'],
  auth: ['errors', 'http', 'runner.options.ts'],
  sessions: ['auth', 'bot', 'errors', 'http', 'media', 'validation', 'runner.options.ts'],
  calls: [
    ...['auth', 'errors', 'sessions', 'validation', 'runner.options.ts'],
    // What a call's account is.
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
    ...['runner-ref.ts', 'transports/transport-registry.ts'],
  ],
  tracing: ['bot', 'errors', 'packages.ts', 'sessions', 'validation'],
  downloads: ['auth', 'errors', 'http', 'validation'],
  uploads: ['auth', 'bot/file-storage.ts', 'errors', 'http', 'sessions', 'validation'],
  process: [
    ...['bot', 'errors', 'limits', 'media', 'packages.ts', 'sessions', 'websocket', 'validation'],
    // For its classes of arguments.
    'bot.ts',
    'uploads/folder-file-storage.ts',
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

const SPECS = '\\.spec\\.ts$';

/** Who may import whom, with dynamic, type-only and side-effect imports. */
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
    {
      // It has nothing that a transport of somebody else has not, but for its options and its serializer.
      name: 'websocket-transport-uses-public-ports',
      severity: 'error',
      from: { path: '^src/transports/websocket/', pathNot: SPECS },
      to: {
        path: '^src/',
        pathNot: [
          ...['transports/websocket', 'validation', 'media/serializers/protobuf.serializer.ts'],
          ...['transports/runner-transport.ts', 'transports/transport-registry.ts'],
          ...['transports/media-connections.ts', 'media/socket-media-connection.ts'],
          ...['sessions/session-registry.ts', 'sessions/session-token.ts'],
          ...['websocket/socket-sessions.ts', 'websocket/socket-gateway.ts'],
          'websocket/runner-web-socket.ts',
          'websocket/websocket-runner-arguments.ts',
        ].map(pathOf),
      },
    },
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
