import { noRoom } from '../../src/fleet/fleet-refusals.js';
import { callerFull, FullError } from '../../src/sessions/admission.js';
import * as steps from './directory-steps.js';

/** A session as its owner believes it to be. */
export interface Owned {
  readonly epoch: number;
  /** Its room, once that is written down. */
  readonly room?: { readonly restarts: boolean };
}

/** A session as the directory knows it. */
interface Recorded extends Owned {
  readonly state: 'pending' | 'active' | 'lost';
  readonly owner?: number;
  /** True for one whose end as lost was reported before its owner came back. */
  readonly isBuried?: boolean;
}

/** The directory of a fleet as it should be, and what each node believes. */
export class DirectoryModel {
  private records = new Map<string, Recorded>();
  /** Codes of ends that are remembered, and whether their owners have ended them. */
  private ended = new Map<string, { code: string; isOwn: boolean }>();
  /** Sessions that each node believes to own. */
  readonly owned = steps.NODES.map(() => new Map<string, Owned>());
  private readonly used = new Set<string>();
  private restore: (() => void) | undefined;

  /** Returns false for what no node does: ids are never used again, also by those who forgot them. */
  isPossible({ do: what, id, node }: steps.Step): boolean {
    const isForgotten = this.used.has(id) && !this.records.has(id) && !this.ended.has(id);
    if (what === 'open' || what === 'connect') return !isForgotten;
    if (what === 'connect alone') return !this.used.has(id) && !this.ended.has(id);
    if (what === 'record') return steps.isRoom(id);
    if (what === 'fail over') return this.restore !== undefined;
    return (what !== 'hand on' && what !== 'give back') || this.owned[node]!.has(id);
  }

  /** Returns how each session is recorded: its state, owner and epoch. */
  get states(): Record<string, string> {
    const text = ({ state, owner, epoch }: Recorded): string =>
      `${state} ${owner === undefined ? '' : steps.NODES[owner]!} ${epoch}`;
    return Object.fromEntries([...this.records].map(([id, one]) => [id, text(one)]));
  }

  /** Carries out a step. @returns its answer */
  do({ do: what, id, node, restarts, code, isListed }: steps.Step): unknown {
    const record = this.records.get(id);
    const owned = this.owned[node]!;
    switch (what) {
      case 'open':
      case 'connect': {
        this.used.add(id);
        const isConnected = what === 'connect';
        const refusal = this.refusal(id, isConnected ? node : undefined);
        if (refusal) return refusal;
        if (isConnected) this.own(id, { state: 'active', epoch: 1, owner: node });
        else this.records.set(id, { state: 'pending', epoch: 0 });
        return isConnected ? 1 : 0;
      }
      case 'connect alone':
        this.used.add(id);
        owned.set(id, { epoch: 1 });
        return undefined;
      case 'claim': {
        if (!record) return 'missing';
        if (record.state !== 'pending') return 'taken';
        if (steps.isRoom(id) && !record.room) return 'missing';
        if (this.all('active', node).length >= steps.NODE_LIMIT) return 'node_full';
        const epoch = record.epoch + 1;
        const room = record.room && {
          restarts: !record.isBuried && steps.ON_NODE_LOSS[node] === 'restart',
        };
        this.own(id, { ...record, room, state: 'active', epoch, owner: node });
        return `claimed ${epoch}`;
      }
      case 'give back': {
        const { epoch } = owned.get(id)!;
        if (!isListed) owned.delete(id);
        if (record?.state === 'active' && record.owner === node && record.epoch === epoch) {
          this.records.set(id, { ...record, state: 'pending', owner: undefined });
        }
        return undefined;
      }
      case 'record': {
        if (!record || (record.state !== 'pending' && record.owner !== node)) return false;
        this.records.set(id, { ...record, room: { restarts: restarts && !record.isBuried } });
        const known = owned.get(id);
        if (known) owned.set(id, { ...known, room: { restarts } });
        return true;
      }
      case 'end': {
        const epoch = owned.get(id)?.epoch;
        if (!isListed) owned.delete(id);
        if (!record && this.ended.has(id)) return 'gone';
        const isWaiting = record?.state === 'pending' && (epoch === undefined || !record.epoch);
        if (record && !isWaiting && epoch !== record.epoch) return 'fenced';
        this.end(id, code, epoch !== undefined);
        return 'ended';
      }
      case 'hand on': {
        const { epoch } = owned.get(id)!;
        if (!record) return false;
        if (record.epoch <= epoch) {
          const isOurs = record.state === 'active' && record.owner === node;
          if (!isOurs || !record.room?.restarts) return false;
          this.relaunch(id, { ...record, epoch });
        }
        owned.delete(id);
        return true;
      }
      case 'reap':
        return this.reap(node);
      case 'abandon':
        if (record?.state !== 'active') return record ? undefined : this.ended.get(id)?.code;
        if (!record.isBuried) this.records.set(id, { ...record, state: 'lost' });
        else this.records.delete(id);
        return record.isBuried ? 'lost' : undefined;
      case 'bury':
        if (record?.state !== 'lost') return record ? 'changed' : 'gone';
        this.end(id, 'lost', false);
        return 'ended';
      case 'announce': {
        const outcomes = [...owned].map(([one]) => [one, this.announce(one, node)] as const);
        for (const [one, outcome] of outcomes) if (outcome === 'taken') owned.delete(one);
        return Object.fromEntries(outcomes);
      }
      case 'empty':
        this.records.clear();
        this.ended.clear();
        return undefined;
      case 'copy': {
        const [records, ended] = [[...this.records], [...this.ended]];
        this.restore = () => {
          this.records = new Map(records);
          this.ended = new Map(ended);
        };
        return undefined;
      }
      case 'fail over':
        return this.restore!();
    }
  }

  private all(state: Recorded['state'], owner?: number): string[] {
    return [...this.records]
      .filter(([, one]) => one.state === state && (owner === undefined || one.owner === owner))
      .map(([id]) => id);
  }

  /** Returns why a session is not opened. @param node the one that claims it at once */
  private refusal(id: string, node: number | undefined): string | undefined {
    if (this.records.has(id) || this.ended.has(id)) return `Session ${id} was opened before.`;
    const open = [...this.all('pending'), ...this.all('active')];
    if (open.length >= steps.FLEET_LIMIT) return new FullError(steps.FLEET_LIMIT, 'fleet').message;
    const caller = steps.callerOf(id);
    const held = open.filter((one) => steps.callerOf(one) === caller).length;
    const limit = caller ? steps.CALLER_LIMITS[caller] : Infinity;
    if (held >= limit) return callerFull(limit).message;
    if (node !== undefined) {
      const isFull = this.all('active', node).length >= steps.NODE_LIMIT;
      return isFull ? new FullError(steps.NODE_LIMIT, 'runner').message : undefined;
    }
    const waiting = this.all('pending').filter(steps.isRoom).length;
    return steps.isRoom(id) && waiting >= steps.ROOM_PLACES ? noRoom().message : undefined;
  }

  private own(id: string, record: Recorded & { readonly owner: number }): void {
    this.records.set(id, record);
    this.owned[record.owner]!.set(id, { epoch: record.epoch, room: record.room });
  }

  private end(id: string, code: string, isOwn: boolean): void {
    this.records.delete(id);
    this.ended.set(id, { code, isOwn });
  }

  private relaunch(id: string, { epoch, ...record }: Recorded): void {
    this.records.set(id, { ...record, state: 'pending', owner: undefined, epoch: epoch + 1 });
  }

  private reap(node: number): { lost: number; restarted: string[] } {
    const restarted: string[] = [];
    let lost = 0;
    for (const id of this.all('active', node)) {
      const record = this.records.get(id)!;
      if (record.isBuried) this.records.delete(id);
      else if (record.room?.restarts) {
        this.relaunch(id, record);
        restarted.push(id);
      } else {
        this.records.set(id, { ...record, state: 'lost' });
        lost++;
      }
    }
    return { lost, restarted: restarted.sort() };
  }

  private announce(id: string, owner: number): string {
    const known = this.owned[owner]!.get(id)!;
    const record = this.records.get(id);
    const ended = this.ended.get(id);
    if (!record && ended && (ended.code !== 'lost' || ended.isOwn)) return 'gone';
    const isOthers = record?.epoch === known.epoch && record.owner !== owner;
    if (record && (known.epoch < record.epoch || isOthers)) return 'taken';
    const isBuried = record ? record.isBuried : ended !== undefined;
    const restarts = !isBuried && known.room?.restarts === true;
    const room = known.room ? { restarts } : record?.room;
    this.records.set(id, { epoch: known.epoch, room, state: 'active', owner, isBuried });
    return isBuried ? 'buried' : 'kept';
  }
}
