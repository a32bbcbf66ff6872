import type { DisabledTransport } from '../transports/transport-registry.js';

/** Content of the start-up banner. */
export interface BannerFacts {
  readonly url: string;
  /** True if `/docs` can be shown. */
  readonly hasDocs: boolean;
  readonly enabled: readonly string[];
  readonly disabled: readonly DisabledTransport[];
  readonly wsAuth: 'none' | 'token';
  readonly allowedOrigins: readonly string[];
  readonly bot: string;
  /** Fleet of which it is a node. */
  readonly fleet?: string;
}

/** Returns the text that is printed once the runner listens. */
export function banner(facts: BannerFacts): string {
  const list = (items: readonly string[], none: string) => items.join(', ') || none;
  const rows: [string, string][] = [
    ['URL', facts.url],
    ['Console', `${facts.url}/client/`],
    ...(facts.hasDocs ? [['API', `${facts.url}/docs`] satisfies [string, string]] : []),
    ['Bot', facts.bot],
    ...(facts.fleet === undefined ? [] : [['Fleet', facts.fleet] satisfies [string, string]]),
    ['Enabled transports', list(facts.enabled, 'none')],
    ...facts.disabled.map(({ name, reason }): [string, string] => [
      'Disabled',
      `${name}: ${reason}`,
    ]),
    [
      'WebSocket auth',
      facts.wsAuth === 'token' ? 'token (from POST /start)' : 'none (anyone may connect)',
    ],
    ['Allowed origins', list(facts.allowedOrigins, 'all')],
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  return [
    '',
    'Pipecat runner is ready',
    ...rows.map(([label, text]) => `  ${label.padEnd(width)}  ${text}`),
    '',
  ].join('\n');
}
