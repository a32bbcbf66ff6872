import { Inject, Injectable } from '@nestjs/common';
import { fieldOf, isInstance } from '../../errors/thrown.js';
import { ProviderClient } from '../../http/provider-client.js';
import { ProviderError } from '../../http/provider-error.js';
import { validateInto } from '../../validation/validate-into.js';
import { DAILY_OPTIONS, type ResolvedDailyOptions } from './daily.options.js';
import type { DailyMeetingTokenProperties } from './dto/daily-meeting-token-properties.dto.js';
import type { DailyRoomProperties } from './dto/daily-room-properties.dto.js';
import { Length } from 'class-validator';
import { Accepts } from '../../validation/option.decorators.js';
import { ApiField } from '../../validation/api-field.decorator.js';
import { KeepsUnknownKeys } from '../../validation/field-traits.js';

/** Longest URL of a room, in characters. */
const MAX_URL_CHARS = 2_048;

/** True for a URL that a client can open as a page: what Daily answers is passed on to it, also in a header. */
const isRoomUrl = (value: unknown): boolean =>
  typeof value === 'string' &&
  value.length <= MAX_URL_CHARS &&
  /^https?:\/\/[\x21-\x7e]+$/i.test(value) &&
  URL.canParse(value);

/** Daily room, the part that the runner reads. */
@KeepsUnknownKeys()
export class DailyRoom {
  @Length(1, 128, { message: 'name must be a string of 1 to 128 characters' })
  @ApiField({ description: 'The name of the room.' })
  name!: string;

  @Accepts(`must be an http(s) URL of at most ${MAX_URL_CHARS} characters`, isRoomUrl)
  @ApiField({ description: 'The URL of the room.', format: 'uri' })
  url!: string;
}

/**
 * Client of Daily's REST API (docs.daily.co, "REST API"). Every method throws a {@link ProviderError} when Daily refuses, times out or
 * cannot be reached.
 */
@Injectable()
export class DailyClient {
  private readonly api: ProviderClient;

  constructor(@Inject(DAILY_OPTIONS) { apiKey, apiUrl, timeoutMs }: ResolvedDailyOptions) {
    this.api = new ProviderClient({
      provider: 'Daily',
      baseUrl: apiUrl,
      authorization: `Bearer ${apiKey}`,
      secret: apiKey ?? '',
      timeoutMs,
      reasonOf: (body) => {
        const texts = [fieldOf(body, 'error'), fieldOf(body, 'info')];
        return texts.filter((part) => typeof part === 'string').join(': ');
      },
    });
  }

  /** @param name letters, digits, dash and underscore, at most 128 characters */
  async createRoom(name: string, properties: DailyRoomProperties): Promise<DailyRoom> {
    try {
      return roomOf(await this.api.call('POST', '/rooms', { body: { name, properties } }));
    } catch (error) {
      // A retry may find the room that an earlier attempt made before its answer was lost.
      if (isInstance(error, ProviderError) && error.providerStatus === 400 && error.attempts > 1) {
        const room = await this.getRoom(name);
        if (room) return room;
      }
      throw error;
    }
  }

  /** Returns the room of that name, if it exists. */
  async getRoom(name: string): Promise<DailyRoom | undefined> {
    const room = await this.api.call('GET', roomPath(name), { accept: isMissing });
    return room === undefined ? undefined : roomOf(room);
  }

  /** Deletes a room and removes its participants. Idempotent. */
  async deleteRoom(name: string): Promise<void> {
    await this.api.call('DELETE', roomPath(name), { accept: isMissing });
  }

  async createMeetingToken(properties: DailyMeetingTokenProperties): Promise<string> {
    const answer = await this.api.call('POST', '/meeting-tokens', { body: { properties } });
    const token = fieldOf(answer, 'token');
    if (typeof token === 'string' && /^\S{1,16384}$/.test(token)) return token;
    throw new ProviderError('PROVIDER_REFUSED', 'Daily answered without a valid token');
  }
}

const isMissing = (status: number): boolean => status === 404;

const roomPath = (name: string): string => `/rooms/${encodeURIComponent(name)}`;

function roomOf(answer: unknown): DailyRoom {
  try {
    return validateInto(DailyRoom, answer);
  } catch (cause) {
    const message = 'Daily answered without a valid name and URL of the room';
    throw new ProviderError('PROVIDER_REFUSED', message, { cause });
  }
}
