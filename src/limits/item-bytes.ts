/** Overhead of a buffered item beside its content, in bytes. It bounds the number of empty items. */
export const ITEM_BYTES = 256;
