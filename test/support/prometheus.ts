/** The samples of a text that Prometheus understands, by name and labels. */
export function samplesIn(text: string): Record<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => {
      const [, sample, value] = /^([a-z_]+(?:\{.*\})?) (\S+)$/i.exec(line) ?? [];
      return [sample ?? line, Number(value)];
    }),
  );
}

/** Returns the samples of `GET /metrics`. */
export const scrape = async (url: string): Promise<Record<string, number>> =>
  samplesIn(await (await fetch(`${url}/metrics`)).text());
