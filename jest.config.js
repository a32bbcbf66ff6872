/** What listens to sound in real time, or counts what is left in memory: after everything else, one at a time. */
const REAL_TIME =
  'test/(faults/faults|e2e/(agents/[a-z-]+|browser|candidate-floods|console|firefox|livekit-playout|livekit-server|phone|turn|upload-memory|webrtc|webrtc-relay|webrtc-strangers|whatsapp|whatsapp-strangers)).e2e-spec.ts$';

/** @type {import('jest').Config} */
const project = {
  testEnvironment: '<rootDir>/test/support/census-environment.js',
  roots: ['<rootDir>/src', '<rootDir>/console', '<rootDir>/test'],
  extensionsToTreatAsEsm: ['.ts'],
  setupFiles: ['reflect-metadata', '<rootDir>/src/errors/nest-log.ts'],
  setupFilesAfterEnv: ['<rootDir>/test/support/census-registries.ts'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    // Of `npm run test:livekit-rtc`: the other major version that hosts may have.
    ...(process.env.LIVEKIT_RTC_1 && { '^@livekit/rtc-node$': 'livekit-rtc-node-1' }),
    '^nestjs-pipecat-runner$': '<rootDir>/src/index.ts',
    '^nestjs-pipecat-runner/bot$': '<rootDir>/src/bot.ts',
    '^nestjs-pipecat-runner/agents$': '<rootDir>/src/agents.ts',
    '^nestjs-pipecat-runner/fleet$': '<rootDir>/src/fleet.ts',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          keepClassNames: true,
          parser: { syntax: 'typescript', decorators: true },
          transform: {
            legacyDecorator: true,
            decoratorMetadata: true,
            useDefineForClassFields: false,
          },
        },
        module: { type: 'es6' },
      },
    ],
  },
};

/** @type {import('jest').Config} */
export default {
  globalSetup: '<rootDir>/test/support/global-setup.js',
  maxWorkers: 2,
  // Modules of finished test files stay in memory (ECMAScript modules in Jest): a worker starts afresh before it is full.
  workerIdleMemoryLimit: '1.5GB',
  testTimeout: 20_000,
  reporters: ['default', '<rootDir>/test/support/skip-reporter.js'],
  projects: [
    {
      ...project,
      displayName: 'all',
      testMatch: ['**/*.spec.ts', '**/*.e2e-spec.ts'],
      testPathIgnorePatterns: ['/node_modules/', REAL_TIME],
    },
    {
      ...project,
      displayName: 'real time',
      testRegex: REAL_TIME,
      runner: '<rootDir>/test/support/serial-runner.js',
    },
    // Of `npm run test:scaffolds` only: it takes its time, and needs Pipecat with its services.
    ...(process.env.SCAFFOLDS
      ? [
          {
            ...project,
            displayName: 'scaffolds',
            testMatch: ['**/scaffolds/*.table.ts'],
            runner: '<rootDir>/test/support/serial-runner.js',
          },
        ]
      : []),
    // Of `npm run test:soak` only.
    ...(process.env.SOAK
      ? [{ ...project, displayName: 'soak', testMatch: ['**/soak/*.table.ts'] }]
      : []),
  ],
};
