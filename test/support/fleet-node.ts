import { EndOutbox } from '../../src/fleet/end-outbox.js';
import { FleetHeartbeat } from '../../src/fleet/fleet-heartbeat.js';
import { FleetSecrets } from '../../src/fleet/fleet-secrets.js';
import { NodeTable } from '../../src/fleet/node-table.js';
import {
  type RedisFleetOptions,
  resolveFleetSettings,
  secretsOf,
} from '../../src/fleet/redis-fleet.options.js';
import { RedisLink } from '../../src/fleet/redis-link.js';
import {
  type AnnouncedSession,
  RECORD_VERSION,
  SessionDirectory,
} from '../../src/fleet/session-directory.js';

export const FLEET_SECRET = 'a secret of the fleet, long enough for it';

interface NodeOptions extends Partial<RedisFleetOptions> {
  /** The most sessions of the node. */
  readonly places?: number;
  /** Sessions of rooms that it takes from others. */
  readonly rooms?: number;
  /** False to leave the first connection to what is tested. */
  readonly connects?: boolean;
}

/** A node of a fleet without a runner: the directory, and a list of the sessions that it owns. */
export class FleetTestNode {
  readonly owned = new Map<string, AnnouncedSession>();
  readonly events: string[] = [];
  readonly directory: SessionDirectory;
  readonly outbox: EndOutbox;
  readonly heartbeat: FleetHeartbeat;
  readonly table: NodeTable;

  private constructor(
    readonly name: string,
    readonly link: RedisLink,
    settings: ReturnType<typeof resolveFleetSettings>,
    places: number,
    rooms: number,
  ) {
    const secrets = new FleetSecrets(secretsOf(settings));
    this.directory = new SessionDirectory(link, secrets, settings, name, places);
    this.outbox = new EndOutbox(this.directory);
    this.table = new NodeTable(link, secrets);
    const { owned, events } = this;
    this.heartbeat = new FleetHeartbeat(
      link,
      secrets,
      this.directory,
      this.outbox,
      {
        get size() {
          return [...owned.values()].filter(({ epoch }) => epoch !== undefined).length;
        },
        vitals: () => ({}),
        list: () => [...owned.values()],
        handOver: () => true,
        taken: (id) => {
          owned.delete(id);
          events.push(`taken ${id}`);
        },
        buried: (id) => events.push(`buried ${id}`),
        swept: (id, code) => events.push(`${code} ${id}`),
        dispatch: (ids) => events.push(...ids.map((id) => `dispatched ${id}`)),
      },
      settings,
      {
        url: settings.advertiseUrl,
        state: 'ready',
        maxSessions: places,
        version: '0.0.0',
        ...{ records: RECORD_VERSION, roles: settings.roles },
      },
      () => rooms,
    );
  }

  static async join(
    name: string,
    redis: RedisFleetOptions['redis'],
    { places = 1_000, rooms = 0, connects = true, ...options }: NodeOptions = {},
  ): Promise<FleetTestNode> {
    const settings = resolveFleetSettings({
      redis,
      secret: FLEET_SECRET,
      advertiseUrl: 'http://127.0.0.1:3000',
      namespace: 'test',
      ...options,
    });
    const link = await RedisLink.create(settings);
    if (connects) await link.client.connect();
    return new FleetTestNode(name, link, settings, places, rooms);
  }

  /** Opens a session, and claims it at once unless it is pending. */
  async open(id: string, { pending = false, callerMax = Infinity, ttlMs = 60_000 } = {}) {
    const caller = { id: 'ada', maxSessions: callerMax };
    const session = { id, transport: 'websocket', kind: 'socket' as const, caller };
    const epoch = await this.directory.open({
      ...session,
      data: { of: id },
      ttlMs,
      isConnected: !pending,
    });
    if (!pending) this.owned.set(id, { ...session, epoch, ageMs: 0, ttlMs });
    return epoch;
  }

  /** Claims a session. @returns the outcome */
  async claim(id: string): Promise<string> {
    const claim = await this.directory.claim(id, ['websocket']);
    if (claim.outcome === 'claimed') {
      const { epoch, transport } = claim;
      const caller = { id: 'ada' };
      this.owned.set(id, { id, transport, kind: 'socket', caller, epoch, ageMs: 0, ttlMs: 0 });
    }
    return claim.outcome;
  }

  /** Ends a session, whatever becomes of the answer. */
  end(id: string): void {
    const epoch = this.owned.get(id)?.epoch;
    this.owned.delete(id);
    this.outbox.add({ id, epoch, code: 'completed', nonce: `end of ${id}` });
  }

  /** Ends its connection and timers, and leaves everything else as it is. */
  die(): void {
    this.heartbeat.stop();
    this.outbox.stop();
    this.link.close();
  }
}

/** The counts of a fleet by its sets, beside what its records say, which must be the same; and the state, owner and epoch of each record. */
export async function countsOf({ link: { client, prefix } }: FleetTestNode) {
  const servers = 'nodes' in client ? client.nodes('master') : [client];
  const keys = (await Promise.all(servers.map((one) => one.keys(`${prefix}*`)))).flat();
  const named = (kind: string) => keys.filter((key) => key.startsWith(prefix + kind));
  const bySet: Record<string, string[]> = {};
  const byRecord: Record<string, string[]> = {};
  const states: Record<string, string> = {};
  const add = (to: Record<string, string[]>, name: string, id: string): void => {
    (to[name] ??= []).push(id);
  };
  const addSet = (key: string, ids: readonly string[]): void => {
    for (const id of ids) add(bySet, key.slice(prefix.length), id);
  };
  const addRecord = (id: string, { st, o, e, c, k }: Record<string, string>): void => {
    states[id] = `${st} ${o} ${e}`;
    if (st === 'lost') return add(byRecord, 'lost', id);
    add(byRecord, 'idx', id);
    if (c) add(byRecord, `c:${c}`, id);
    if (st !== 'pending') return add(byRecord, `own:${o}`, id);
    add(byRecord, 'pending', id);
    if (k === 'room') add(byRecord, 'rooms', id);
  };
  const sorted = ['idx', 'pending', 'rooms', 'lost'].map((set) => prefix + set);
  await Promise.all([
    ...sorted.map(async (key) => addSet(key, await client.zrange(key, '0', '-1'))),
    ...[...named('own:'), ...named('c:')].map(async (key) =>
      addSet(key, await client.smembers(key)),
    ),
    ...named('s:').map(async (key) =>
      addRecord(key.slice(prefix.length + 2), await client.hgetall(key)),
    ),
  ]);
  for (const ids of [...Object.values(bySet), ...Object.values(byRecord)]) ids.sort();
  return { bySet, byRecord, states };
}
