/** Text of somebody else's, fit for a message or a log: on one line, printable ASCII, and no longer than `most` characters. */
export const printable = (text: string, most = 40): string =>
  text.replace(/[^\x20-\x7e]/g, '?').slice(0, most);
