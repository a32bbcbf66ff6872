import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

/** Rules for thrown values: one may be anything, and may throw when it is turned into text or asked for its class. */
const NAMES_OF_THROWN = '/^(cause|err|error|thrown)$/';
const INSPECTIONS_OF_THROWN = [
  `BinaryExpression[operator="instanceof"][left.name=${NAMES_OF_THROWN}]`,
  `CallExpression[callee.name="String"][arguments.0.name=${NAMES_OF_THROWN}]`,
  `TemplateLiteral > Identifier[name=${NAMES_OF_THROWN}]`,
  `TSAsExpression[expression.name=${NAMES_OF_THROWN}][typeAnnotation.typeName.name="Error"]`,
].map((selector) => ({
  selector,
  message: 'Use textOfThrown, isInstance or fieldOf of src/errors/thrown.ts.',
}));

/** Rules for data from outside: they have no type before they were looked at, and no cast gives them one. */
const CASTS_OF_OUTSIDE_DATA = [
  'TSAsExpression[expression.callee.property.name="parse"][typeAnnotation.type!="TSUnknownKeyword"]',
  'TSAsExpression[expression.type="AwaitExpression"][expression.argument.callee.property.name=/^(json|call|send)$/]',
  'TSAsExpression[expression.type="LogicalExpression"][expression.right.type="ObjectExpression"][expression.left.callee.property.name!="getMetadata"]',
  'TSAsExpression[typeAnnotation.type!="TSNeverKeyword"] > Identifier[name=/^(answer|body|fields|headers|payload|plain|query|seq|text)$/]',
].map((selector) => ({
  selector,
  message: 'Data from outside: use fieldOf, isObject, objectOf or validateInto.',
}));

/** Reviewed: they parse what the runner itself has written or signed, or what a test receives. */
const PARSE_THEIR_OWN = [
  'src/openapi/runner-api.ts',
  'src/process/host/channel.ts',
  'src/sessions/session-token.ts',
  'src/testing/place-call.ts',
  'src/testing/start-host.ts',
];

const ENV = { object: 'process', property: 'env', message: 'Only the command line reads it.' };

/** Files that tell the time of day: to people, or to others in the protocols of their tokens and signatures. */
const TELL_THE_TIME = [
  'src/http/fleet-router/hops.ts',
  'src/agents/livekit/agent-audio.ts',
  'src/fleet/clock-watch.ts',
  'src/fleet/fleet-checks.ts',
  'src/fleet/fleet-refusals.ts',
  'src/http/provider-client.ts',
  'src/http/webhook-signature.ts',
  'src/sessions/session.ts',
  'src/sessions/session-token.ts',
  'src/transports/daily/daily-rooms.ts',
  'src/transports/telephony/carriers/genesys/genesys.signature.ts',
  'src/transports/telephony/carriers/plivo/plivo.carrier.ts',
];

export default tseslint.config(
  {
    ignores: ['dist', 'coverage', 'node_modules', '.scratch', 'test/hosts/files', 'test/extension'],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/errors/thrown.ts', '**/*.spec.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...INSPECTIONS_OF_THROWN, ...CASTS_OF_OUTSIDE_DATA],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/main.ts', '**/*.spec.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        ENV,
        { object: 'Date', property: 'now', message: 'Durations take performance.now().' },
      ],
    },
  },
  {
    files: PARSE_THEIR_OWN,
    rules: { 'no-restricted-syntax': ['error', ...INSPECTIONS_OF_THROWN] },
  },
  { files: TELL_THE_TIME, rules: { 'no-restricted-properties': ['error', ENV] } },
  { files: ['console/**'], extends: [reactHooks.configs.flat.recommended] },
  {
    files: ['**/*.js'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        AbortSignal: 'readonly',
        AbortController: 'readonly',
        Response: 'readonly',
        ReadableStream: 'readonly',
        setImmediate: 'readonly',
        Buffer: 'readonly',
        globalThis: 'readonly',
        performance: 'readonly',
        fetch: 'readonly',
        global: 'readonly',
        URL: 'readonly',
        WebAssembly: 'readonly',
        structuredClone: 'readonly',
      },
    },
  },
  prettier,
);
