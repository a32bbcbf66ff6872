import { stripVTControlCharacters } from 'node:util';

/** Control characters (C0 but tab and line feed, DEL, C1), other line separators, and bidirectional overrides. */
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g; // eslint-disable-line no-control-regex

/** Sanitises a bot's lines for the log: without terminal control sequences, and only the first can be taken for a log line. */
export const printableLines = (text: string): string =>
  stripVTControlCharacters(text).replace(CONTROL, '').replaceAll('\n', '\n    ');
