/** A port that is free now, for a server that needs to know its own beforehand. */
export function freePort(): Promise<number>;
