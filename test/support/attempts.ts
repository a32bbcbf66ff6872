/** Tries what a starved machine spoils now and then, such as sound in real time, up to three times. Rejects as the last of them. */
export async function attempts<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = 2; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}
