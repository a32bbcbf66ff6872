import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { PublicUrls } from '../../http/public-url.js';
import { TELEPHONY_OPTIONS, WEBHOOK_PATH } from './telephony-options.token.js';
import type { ResolvedTelephonyOptions } from './telephony.options.js';

/** Lifetime of a document, in milliseconds: longer than a phone rings. */
const KEEP_MS = 900_000;
/** The most documents. The oldest is dropped first. */
const MAX_DOCUMENTS = 10_000;

/** Path of the documents below that of the webhooks. */
export const DOCUMENTS = 'documents';

/** XML documents for carriers whose API takes a URL instead of XML. The random URL is the only credential. */
@Injectable()
export class CallDocuments {
  /** Ordered by age, oldest first. */
  private readonly documents = new Map<string, { readonly xml: string; readonly atMs: number }>();

  constructor(
    @Inject(TELEPHONY_OPTIONS) private readonly options: ResolvedTelephonyOptions,
    @Inject(WEBHOOK_PATH) private readonly webhookPath: string,
    private readonly publicUrls: PublicUrls,
  ) {}

  /**
   * Stores a document and returns its URL, valid for 15 minutes.
   * @throws {RunnerError} `NO_PUBLIC_URL`
   */
  urlOf(xml: string): string {
    const baseUrl = this.publicUrls.known(this.options.publicUrl);
    this.forgetOld();
    const id = randomBytes(16).toString('base64url');
    this.documents.set(id, { xml, atMs: performance.now() });
    return baseUrl.httpUrl(`${this.webhookPath && `/${this.webhookPath}`}/${DOCUMENTS}/${id}`);
  }

  /** Returns a document by its id. */
  get(id: string): string | undefined {
    this.forgetOld();
    return this.documents.get(id)?.xml;
  }

  private forgetOld(): void {
    const oldestMs = performance.now() - KEEP_MS;
    for (const [id, { atMs }] of this.documents) {
      if (atMs > oldestMs && this.documents.size < MAX_DOCUMENTS) return;
      this.documents.delete(id);
    }
  }
}
