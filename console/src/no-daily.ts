/** Stands in for Daily's SDK where it is imported but not used: see vite.config.ts. */
export default undefined;
