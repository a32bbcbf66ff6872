/**
 * Loads a package that only some need.
 * @param neededBy what needs it
 * @param load imports it
 * @throws {Error} when it is not installed, with the line that installs it
 */
export async function optionalPackage<T>(
  name: string,
  neededBy: string,
  load: () => Promise<T>,
): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error(`${neededBy} needs ${name}: npm install ${name}`, { cause: error });
  }
}
