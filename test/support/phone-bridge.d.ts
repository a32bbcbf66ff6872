import type { EventLog } from './event-log.js';

export interface BridgeStats {
  readonly received: number;
  readonly dropped: number;
  readonly late: number;
  readonly frames: number;
  readonly missing: number;
  readonly sent: number;
  readonly sentDropped: number;
}

export interface BridgeEvent {
  readonly event: 'listening' | 'ringing' | 'answered' | 'refused' | 'ended';
  readonly call?: string;
  readonly codec?: string;
  readonly status?: number;
  readonly by?: 'caller' | 'bot' | 'api' | 'bridge';
  readonly error?: string;
  readonly stats?: BridgeStats;
}

export declare class PhoneBridge {
  static start(options: {
    readonly webhook: string;
    readonly sip?: string;
    readonly api?: string;
    readonly carrier?: 'twilio' | 'plivo';
    readonly account?: string;
    readonly token?: string;
    readonly loss?: number;
    /** A duration of Go, such as `40ms`. */
    readonly jitter?: string;
    readonly seed?: number;
    readonly 'max-calls'?: number;
  }): Promise<PhoneBridge>;
  readonly events: EventLog<BridgeEvent>;
  /** Host and port. */
  readonly sip: string;
  /** URL of the REST API. */
  readonly api: string;
  next(event: BridgeEvent['event'], call?: string): Promise<BridgeEvent>;
  stop(): Promise<void>;
}
