import { isIP } from 'node:net';

const HOST_CANDIDATE = /^a=candidate:(\S+) (\d+ udp \d+) (\S+) (\d+) typ host( .*)?$/gim;

/** Adds candidates with further addresses of this machine to an answer, beside each host candidate of the same IP version. */
export function withHostAddresses(sdp: string, addresses: readonly string[]): string {
  if (addresses.length === 0) return sdp;
  return sdp.replace(
    HOST_CANDIDATE,
    (line, foundation: string, middle: string, own: string, port: string, rest = '') =>
      [
        line,
        ...addresses
          .filter((address) => isIP(address) === isIP(own) && address !== own)
          .map(
            (address, i) =>
              `a=candidate:${foundation}${i} ${middle} ${address} ${port} typ host${rest}`,
          ),
      ].join('\r\n'),
  );
}
