// Keys that the runner under test is given, so that what is generated can be signed with them.
import { createPrivateKey } from 'node:crypto';

// Any 32 bytes are a private key of Ed25519; this is their PKCS #8.
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

export const TELNYX_KEY = createPrivateKey({
  key: Buffer.concat([PKCS8, Buffer.alloc(32, 7)]),
  format: 'der',
  type: 'pkcs8',
});

const { x } = TELNYX_KEY.export({ format: 'jwk' });

export const KEYS = {
  webhooks: {
    twilio: 'twilio-token',
    plivo: 'plivo-token',
    telnyx: Buffer.from(x, 'base64url').toString('base64'),
  },
  daily: Buffer.from('daily-secret').toString('base64'),
  liveKit: { apiKey: 'livekit-key', apiSecret: 'livekit-secret' },
  whatsApp: 'whatsapp-secret',
};
