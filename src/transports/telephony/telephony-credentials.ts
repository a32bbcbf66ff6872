/** The carriers' accounts, for what goes through their REST APIs: hanging up, transferring and placing calls. */
export interface TelephonyCredentials {
  /** `TWILIO_ACCOUNT_SID`, `TWILIO_AUTH_TOKEN`, `TWILIO_REGION`, `TWILIO_EDGE` */
  readonly twilio?: {
    readonly accountSid: string;
    readonly authToken: string;
  } & (
    | {
        /** Such as `au1` and `sydney`: Twilio's host names have both, or neither. */
        readonly region?: string;
        readonly edge?: string;
        readonly apiUrl?: never;
      }
    | {
        /** Another server that speaks Twilio's API. @default 'https://api.twilio.com' */
        readonly apiUrl?: string;
        readonly region?: never;
        readonly edge?: never;
      }
  );
  /** `TELNYX_API_KEY` */
  readonly telnyx?: {
    readonly apiKey: string;
    /**
     * The id of the account. With it calls are placed, and calls that TeXML has answered, as the webhook here does, are transferred by
     * TeXML; without it by a call command.
     */
    readonly accountSid?: string;
    /** The id of the TeXML application that calls are placed with. */
    readonly applicationId?: string;
    /** @default 'https://api.telnyx.com/v2' */
    readonly apiUrl?: string;
  };
  /** `PLIVO_AUTH_ID`, `PLIVO_AUTH_TOKEN` */
  readonly plivo?: {
    readonly authId: string;
    readonly authToken: string;
    /** @default 'https://api.plivo.com/v1' */
    readonly apiUrl?: string;
  };
}

/** Which fields of each there are, and which must be. */
const FIELDS: Record<keyof TelephonyCredentials, { needed: string[]; allowed: string[] }> = {
  twilio: { needed: ['accountSid', 'authToken'], allowed: ['region', 'edge', 'apiUrl'] },
  telnyx: { needed: ['apiKey'], allowed: ['apiUrl', 'accountSid', 'applicationId'] },
  plivo: { needed: ['authId', 'authToken'], allowed: ['apiUrl'] },
};

/** What is wrong with them, and what is accepted. */
export function checkCredentials(value: unknown): string | undefined {
  const carriers = Object.keys(FIELDS);
  if (!isObject(value)) return `must be an object with ${carriers.join(', ')}`;
  for (const [carrier, account] of Object.entries(value)) {
    if (!Object.hasOwn(FIELDS, carrier)) {
      return `must not have ${carrier}; there are ${carriers.join(', ')}`;
    }
    const problem = account === undefined ? undefined : checkAccount(carrier, account);
    if (problem) return problem;
  }
  return undefined;
}

function checkAccount(carrier: string, account: unknown): string | undefined {
  const { needed, allowed } = FIELDS[carrier as keyof TelephonyCredentials];
  const fields = [...needed, ...allowed];
  if (!isObject(account)) return `must have in ${carrier} an object with ${fields.join(', ')}`;
  for (const field of [...needed, ...Object.keys(account)]) {
    if (!fields.includes(field)) {
      return `must not have ${carrier}.${field}; there are ${fields.join(', ')}`;
    }
    const text = account[field];
    if (typeof text === 'string' ? text === '' : text !== undefined || needed.includes(field)) {
      return `must have ${carrier}.${field}, a string`;
    }
  }
  const { apiUrl, region, edge } = account;
  if (apiUrl !== undefined && !/^https?:\/\/[^\s?#]*[^\s?#/]$/i.test(apiUrl as string)) {
    return `must have an http(s):// URL without a slash at its end as ${carrier}.apiUrl`;
  }
  if ((region === undefined) !== (edge === undefined)) {
    return `must have both ${carrier}.region and ${carrier}.edge, or neither`;
  }
  return undefined;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The accounts that Pipecat's environment variables name. */
export function credentialsFromEnv(env: NodeJS.ProcessEnv): TelephonyCredentials {
  const { TWILIO_ACCOUNT_SID: accountSid, TWILIO_AUTH_TOKEN: twilioToken } = env;
  const { TELNYX_API_KEY: apiKey, PLIVO_AUTH_ID: authId, PLIVO_AUTH_TOKEN: plivoToken } = env;
  return {
    ...(accountSid &&
      twilioToken && {
        twilio: {
          accountSid,
          authToken: twilioToken,
          region: env.TWILIO_REGION || undefined,
          edge: env.TWILIO_EDGE || undefined,
        },
      }),
    ...(apiKey && { telnyx: { apiKey } }),
    ...(authId && plivoToken && { plivo: { authId, authToken: plivoToken } }),
  };
}
