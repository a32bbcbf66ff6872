/** Base64. Some clients send a whole `data:` URL in its place. */
export const BASE64 = /^(data:[^,]*,)?[A-Za-z0-9+/]*={0,2}$/;

/** Decodes what {@link BASE64} matches. */
export const bytesFromBase64 = (text: string): Buffer =>
  Buffer.from(text.slice(text.indexOf(',') + 1), 'base64');
