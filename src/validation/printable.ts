/** Sanitises untrusted text for a message or a log: one line, printable ASCII, at most `most` characters. */
export const printable = (text: string, most = 40): string =>
  text.replace(/[^\x20-\x7e]/g, '?').slice(0, most);
