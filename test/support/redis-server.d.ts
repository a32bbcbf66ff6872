export class RedisServer {
  private constructor();
  static start(...args: string[]): Promise<RedisServer>;
  readonly port: number;
  readonly folder: string;
  get url(): string;
  start(): Promise<void>;
  pause(): void;
  resume(): void;
  kill(): Promise<void>;
  stop(): Promise<void>;
}
