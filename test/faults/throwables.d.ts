/** Makes each of the throwables, by what it is. */
export declare const THROWABLES: Readonly<Record<string, () => unknown>>;
