/** The connection that a document tells a carrier to make. */
interface ConnectXml {
  /** The media WebSocket. */
  readonly url: string;
  readonly customParameters: Record<string, string>;
}

/** Reads a document as a carrier does; `undefined` when it connects the call to nothing. */
export function readConnectXml(xml: string): ConnectXml | undefined {
  const [, attributes, content] = /<Stream\b([^>]*)>(.*?)<\/Stream>/s.exec(xml) ?? [];
  if (attributes === undefined || content === undefined) return undefined;
  const url = attribute(attributes, 'url') ?? unescapeXml(content.trim());
  const parameters = [...content.matchAll(/<Parameter\b([^>]*)>/g)].map(([, text]) => [
    attribute(text!, 'name') ?? '',
    attribute(text!, 'value') ?? '',
  ]);
  const headers = (attribute(attributes, 'extraHeaders') ?? '').split(',').filter(Boolean);
  return {
    url,
    customParameters: Object.fromEntries([
      ...parameters,
      ...headers.map((header) => header.split('=', 2)),
    ]) as Record<string, string>,
  };
}

function attribute(text: string, name: string): string | undefined {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(text)?.[1];
  return value === undefined ? undefined : unescapeXml(value);
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

const unescapeXml = (text: string): string =>
  text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => ENTITIES[name]!);
