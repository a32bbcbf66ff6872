/**
 * What an item of a buffer counts beside its content, in bytes: its objects take about as much memory, and an empty message would count
 * nothing without.
 */
export const ITEM_BYTES = 256;
