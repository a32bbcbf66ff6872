import { createHash } from 'node:crypto';
import { AccessToken } from 'livekit-server-sdk';

/** POSTs a webhook as LiveKit's server does: protobuf JSON, and a JWT over its hash. */
export async function livekitWebhook(
  url: string,
  event: Record<string, unknown>,
  { apiKey, apiSecret, signed = event }: { apiKey: string; apiSecret: string; signed?: object },
): Promise<{ status: number; json: Record<string, unknown> }> {
  const token = new AccessToken(apiKey, apiSecret, { ttl: 300 });
  token.sha256 = createHash('sha256').update(JSON.stringify(signed)).digest('base64');
  const response = await fetch(`${url}/livekit-webhook`, {
    method: 'POST',
    body: JSON.stringify(event),
    headers: {
      'content-type': 'application/webhook+json',
      authorization: await token.toJwt(),
    },
  });
  return {
    status: response.status,
    json: (await response.json()) as Record<string, unknown>,
  };
}
