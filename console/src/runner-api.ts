/** Answer of `POST /start`, of all transports together, with the session id of its header. */
export interface StartAnswer {
  readonly sessionId: string;
  readonly wsUrl?: string;
  readonly token?: string;
  readonly iceConfig?: { readonly iceServers?: RTCIceServer[] };
  readonly url?: string;
  readonly dailyRoom?: string;
  readonly dailyToken?: string;
}

/** The runner refused something, or could not be asked. Its message is for people. */
export class RunnerProblem extends Error {
  override readonly name = 'RunnerProblem';

  /** @param status that of the answer, where there was one */
  constructor(
    message: string,
    readonly status?: number,
  ) {
    super(message);
  }
}

/** Answer of `GET /fleet`, as far as it is shown. */
export interface FleetAnswer {
  readonly nodes: readonly {
    readonly name: string;
    readonly state: string;
    readonly version: string;
    readonly sessions: number;
    readonly maxSessions: number | null;
    readonly load: number;
    readonly lastBeatAt: string;
  }[];
  readonly totals: { readonly sessions: number; readonly maxSessions: number | null };
  readonly waiting: number;
  readonly queued: number;
}

/** The runner is one folder above the page, wherever a proxy or a prefix has put both. */
export const runnerUrl = (path: string): string => new URL(`../${path}`, location.href).href;

let apiKey = '';

/** The key that goes along with every request from now on; '' for none. */
export function setApiKey(key: string): void {
  apiKey = key;
}

export const authorization = (): Record<string, string> =>
  apiKey === '' ? {} : { authorization: `Bearer ${apiKey}` };

/** The transports that the runner accepts right now. */
export async function acceptedTransports(): Promise<string[]> {
  const { transports } = (await ask('status')) as { transports?: unknown };
  if (Array.isArray(transports)) return transports as string[];
  throw new RunnerProblem('What answers here is no runner: GET status names no transports.');
}

/** The nodes of the fleet; `undefined` for a runner that is alone. */
export async function fleet(): Promise<FleetAnswer | undefined> {
  try {
    return (await ask('fleet')) as FleetAnswer;
  } catch (error) {
    if (error instanceof RunnerProblem && error.status === 404) return undefined;
    throw error;
  }
}

export async function start(
  request: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<StartAnswer> {
  const response = await send('start', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
    signal,
  });
  const sessionId = response.headers.get('x-session-id');
  return { sessionId, ...((await jsonOf(response)) as object) } as StartAnswer;
}

/** Uploads a file for the bot of a session. @returns the file as RTVI's `send-file` takes it */
export async function upload(file: File, sessionId: string): Promise<unknown> {
  const body = new FormData();
  body.append('file', file);
  const headers = authorization();
  const url = runnerUrl(`sessions/${sessionId}/files`);
  const response = await fetch(url, { method: 'POST', headers, body }).catch(() => {
    throw new RunnerProblem('The file could not be uploaded: the connection broke off.');
  });
  if (!response.ok) throw await problemOf(response);
  return response.json();
}

/** Duration of a request to the runner, in milliseconds, without the browser's own part. */
export async function measureRoundTrip(): Promise<number | undefined> {
  const url = runnerUrl(`status?at=${Date.now()}`);
  await fetch(url, { headers: authorization(), cache: 'no-store' }).then((response) =>
    response.text(),
  );
  const [timing] = performance.getEntriesByName(url) as PerformanceResourceTiming[];
  performance.clearResourceTimings();
  return timing && timing.responseStart > 0
    ? timing.responseStart - timing.requestStart
    : undefined;
}

async function ask(path: string): Promise<unknown> {
  return jsonOf(await send(path));
}

async function send(path: string, { headers, ...init }: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(runnerUrl(path), {
      ...init,
      headers: { ...(headers as Record<string, string>), ...authorization() },
    });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new RunnerProblem('The runner cannot be reached. Is it running?');
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

function jsonOf(response: Response): Promise<unknown> {
  return response.json().catch(() => {
    throw new RunnerProblem(`What answers here is no runner: ${response.url} is no JSON.`);
  });
}

/** Returns the text of a refusal: the `detail` of the runner's errors; a proxy in between may answer anything. */
export async function problemOf(response: Response): Promise<RunnerProblem> {
  const { status, statusText } = response;
  const body = (await response.json().catch(() => null)) as { detail?: unknown } | null;
  const detail = typeof body?.detail === 'string' ? body.detail : '';
  const text = detail || `The runner answered ${status} ${statusText}`.trimEnd() + '.';
  // A runner that has keys asks for one.
  const wantsKey = response.headers.get('www-authenticate') === 'Bearer';
  const said = wantsKey ? `${text} Here it goes under “Start options”.` : text;
  return new RunnerProblem(said, status);
}
