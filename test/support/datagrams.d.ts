import type { Socket } from 'node:dgram';
import type { Address } from 'werift';

export declare function dtlsRecord(
  type: number,
  body: Buffer,
  options?: { epoch?: number; sequence?: number },
): Buffer;
export declare function dtlsHandshake(
  type: number,
  body: Buffer,
  options?: { sequence?: number; length?: number; offset?: number },
): Buffer;
export declare const clientHello: () => Buffer;
export declare const endlessFragment: (i: number, bytes?: number) => Buffer;
export declare function connectivityCheck(username: string, password?: string): Buffer;
export declare function endlessExtension(): Buffer;
export declare class Stranger {
  readonly socket: Socket;
  static open(target: Address): Promise<Stranger>;
  send(data: Buffer): Promise<void>;
  close(): Promise<void>;
}
