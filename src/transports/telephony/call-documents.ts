import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { RunnerError } from '../../errors/runner.error.js';
import { Fleet } from '../../fleet/fleet.js';
import { PublicUrls } from '../../http/public-url.js';
import { TELEPHONY_OPTIONS, WEBHOOK_PATH } from './telephony-options.token.js';
import type { ResolvedTelephonyOptions } from './telephony.options.js';

/** Form of a document's id. */
const ID = /^[\w-]{22}$/;

/** Path of the documents below that of the webhooks. */
export const DOCUMENTS = 'documents';

/** XML documents for carriers whose API takes a URL instead of XML, which any node of a fleet returns. The random URL is the only credential. */
@Injectable()
export class CallDocuments {
  constructor(
    @Inject(TELEPHONY_OPTIONS) private readonly options: ResolvedTelephonyOptions,
    @Inject(WEBHOOK_PATH) private readonly webhookPath: string,
    private readonly publicUrls: PublicUrls,
    private readonly fleet: Fleet,
  ) {}

  /**
   * Stores a document and returns its URL, valid for 10 minutes: longer than a phone rings.
   * @throws {RunnerError} `NO_PUBLIC_URL`
   */
  urlOf(xml: string): string {
    const baseUrl = this.publicUrls.known(this.options.publicUrl);
    const id = randomBytes(16).toString('base64url');
    // The carrier asks for it after a request to its API, and waits if that is sooner.
    this.fleet.once(keyOf(id), async () => xml).catch(() => undefined);
    return baseUrl.httpUrl(`${this.webhookPath && `/${this.webhookPath}`}/${DOCUMENTS}/${id}`);
  }

  /** Returns a document by its id. @throws {RunnerError} `NOT_FOUND`, or `OVERLOADED` when a fleet cannot tell */
  async get(id: string): Promise<string> {
    if (!ID.test(id)) throw unknown();
    return this.fleet.once<string>(keyOf(id), () => Promise.reject(unknown()));
  }
}

const keyOf = (id: string): string => `document ${id}`;

const unknown = (): RunnerError => new RunnerError('NOT_FOUND', 'There is no such document.');
