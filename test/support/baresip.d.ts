import type { EventLog } from './event-log.js';

export declare const BARESIP: string | undefined;

export interface BaresipEvent {
  readonly type: string;
  readonly param?: string;
}

export declare class Baresip {
  static start(options: {
    readonly recording: string;
    readonly codec?: 'PCMU' | 'PCMA';
    readonly user?: string;
  }): Promise<Baresip>;
  readonly events: EventLog<BaresipEvent>;
  readonly output: string;
  readonly keys: string[];
  next(type: string): Promise<BaresipEvent>;
  call(uri: string): Promise<void>;
  press(digits: string): Promise<void>;
  hangUp(): void;
  heard(): Promise<Int16Array>;
  stop(): Promise<void>;
}
