import { textOfThrown } from '../errors/thrown.js';
import type { RedisClient } from './redis-fleet.options.js';

const SUMMARY = /^(All sentinels are unreachable|Failed to refresh slots cache)/;

/** True for an error that sums up those of the servers before. */
export const isSummary = ({ message }: Error): boolean => SUMMARY.test(message);

/** True for a command that ioredis itself could not send on a lost connection, which tells nothing of the server. */
export const isUnsent = (error: unknown): boolean =>
  textOfThrown(error).message.startsWith('Stream isn');

/** Reports what a Cluster answers when ioredis asks it whether it is ready: ioredis connects again, and tells nobody. */
export function onUnready(client: RedisClient, report: (error: Error) => void): void {
  if (!client.isCluster) return;
  client.on('connect', () => {
    client.cluster('INFO').catch((error: Error) => {
      // Any other error is of the connection, which ends with ioredis' own check.
      if (error.name === 'ReplyError') report(error);
    });
  });
}

/** Returns the servers that a client was given. */
export function serversOf(client: RedisClient): string {
  const { options, startupNodes } = client as unknown as {
    options: Server & { sentinels?: readonly Server[] };
    startupNodes?: readonly (Server | string | number)[];
  };
  if (options.sentinels) return `sentinels ${options.sentinels.map(addressOf).join(', ')}`;
  if (startupNodes) return `Cluster ${startupNodes.map(addressOf).join(', ')}`;
  return options.host === undefined ? '' : addressOf(options);
}

interface Server {
  readonly host?: string;
  readonly port?: number;
}

/** Returns an address as a log may have it, that of a URL without its login. */
const addressOf = (server: Server | string | number): string =>
  typeof server === 'object'
    ? `${server.host ?? '127.0.0.1'}:${server.port ?? ''}`
    : String(server).replace(/\/\/[^/]*@/, '//');

/** Returns why a try to connect has failed, where ioredis' own words do not say so. */
export function connectText({ message }: Error, name: unknown): string {
  const [, sentinel = '', why = ''] =
    /to sentinel (\S+) (?:because|successfully, but) (.*)/.exec(message) ?? [];
  if (message.endsWith('Connection is closed.')) return `${sentinel} cannot be reached`.trim();
  if (sentinel === '') return message;
  return /No such master|invalid reply: null/.test(why)
    ? `${sentinel} knows no primary of the name '${String(name)}'`
    : `${sentinel}: ${why}`;
}
