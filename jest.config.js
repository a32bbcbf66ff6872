/**
 * Tests that keep a core busy while they listen to sound (browsers, speech engines, WebRTC), or that measure delays: two at a time, and not
 * beside others. Those that wait for most of their time are in `all`, which therefore has more workers than two cores would need.
 */
const REAL_TIME =
  'test/(faults/faults|e2e/(agents/(browser-interruption|first-voice|gemini-live|livekit-[a-z]+|openai-(connection|realtime)|support-agent[a-z-]*)|browser|firefox|fleet-(rollout|webrtc)|livekit-server|media|upload-memory|webrtc|whatsapp)).e2e-spec.ts$';

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
  maxWorkers: 3,
  // Modules of finished test files stay in memory (ECMAScript modules in Jest), where tests that count memory collect garbage: after some
  // ten files a worker starts afresh.
  workerIdleMemoryLimit: '500MB',
  // A worker with a large heap takes its time to end on a busy machine; one that something keeps alive is told of nevertheless.
  workerGracefulExitTimeout: 5_000,
  // For what hangs: a process of a test takes many times as long to start on a busy machine.
  testTimeout: 60_000,
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
      runner: '<rootDir>/test/support/pair-runner.js',
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
    // Of `npm run test:moq-relay` only: building the relay takes long.
    ...(process.env.MOQ_RELAY_TESTS
      ? [
          {
            ...project,
            displayName: 'moq relay',
            testMatch: ['**/moq-relay/*.table.ts'],
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
