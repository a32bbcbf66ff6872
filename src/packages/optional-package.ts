import { fieldOf } from '../errors/thrown.js';

/**
 * Loads a package that need not be installed.
 * @param load such as `() => import('werift')`
 * @returns `undefined` where it is not installed
 */
export async function optionalPackage<T>(load: () => Promise<T>): Promise<T | undefined> {
  try {
    return await load();
  } catch (error) {
    if (fieldOf(error, 'code') === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/**
 * The same for those who cannot do without it.
 * @param neededBy what needs it
 * @throws {Error} where it is not installed, with the line that installs it
 */
export async function neededPackage<T>(
  name: string,
  neededBy: string,
  load: () => Promise<T>,
): Promise<T> {
  const loaded = await optionalPackage(load);
  if (loaded === undefined) throw new Error(`${neededBy} needs ${name}: npm install ${name}`);
  return loaded;
}
