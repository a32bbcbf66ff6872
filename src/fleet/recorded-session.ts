import { ageOf } from './fleet-refusals.js';
import type { FleetSecrets } from './fleet-secrets.js';
import type { RedisLink } from './redis-link.js';

/** A session as its record tells it. */
export interface RecordedSession {
  readonly transport: string;
  readonly kind: string;
  readonly epoch: number;
  readonly ageMs: number;
  /** `undefined` also for what this node cannot read. */
  readonly data: unknown;
  /** Its room, as {@link textOfRoom} writes it; `undefined` also for one that this node cannot read. */
  readonly room: string | undefined;
}

/** Returns a session's record; `undefined` when there is none. @throws {DirectoryUnavailableError} */
export async function readRecord(
  link: RedisLink,
  secrets: FleetSecrets,
  id: string,
): Promise<RecordedSession | undefined> {
  const [transport, kind, epoch, at, sealed, room] = await link.fields(
    `s:${id}`,
    ...['tp', 'k', 'e', 'at', 'b', 'r'],
  );
  if (!transport) return undefined;
  const text = secrets.unseal(id, 'data', sealed ?? '');
  return {
    transport,
    kind: kind ?? '',
    epoch: Number(epoch),
    ageMs: ageOf(Number(at)),
    data: text ? (JSON.parse(text) as unknown) : undefined,
    room: room ? secrets.unseal(id, 'room', room) : undefined,
  };
}
