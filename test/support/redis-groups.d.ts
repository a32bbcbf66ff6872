import type { Cluster, RedisOptions } from 'ioredis';

export class RedisSentinels {
  private constructor();
  static start(): Promise<RedisSentinels>;
  get options(): RedisOptions;
  failOver(of?: { isBehind?: boolean }): Promise<number>;
  stop(): Promise<void>;
}

export class RedisCluster {
  private constructor();
  static start(): Promise<RedisCluster>;
  get ports(): number[];
  setUser(name: string, password: string, ...rights: readonly string[]): Promise<void>;
  replicaOf(key: string): Promise<number>;
  failOver(of: { key: string; isBehind?: boolean }): Promise<number>;
  stop(): Promise<void>;
}

export function clusterClient(ports: readonly number[], options?: RedisOptions): Cluster;
