/**
 * Loads a package that need not be installed.
 * @param load such as `() => import('werift')`
 * @returns `undefined` where it is not installed
 */
export async function optionalPackage<T>(load: () => Promise<T>): Promise<T | undefined> {
  try {
    return await load();
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
