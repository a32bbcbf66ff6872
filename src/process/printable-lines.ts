import { stripVTControlCharacters } from 'node:util';

/** C0 but the tab and the line feed, DEL, C1, other line ends, and what turns the direction of text around. */
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g; // eslint-disable-line no-control-regex

/** Lines of a bot, fit for a log: nothing in them moves the cursor, and none but the first can pass for a line of the log itself. */
export const printableLines = (text: string): string =>
  stripVTControlCharacters(text).replace(CONTROL, '').replaceAll('\n', '\n    ');
