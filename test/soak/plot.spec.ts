import { describe, expect, it } from '@jest/globals';
import { plotSoak } from './plot.js';
import type { Sample } from './verdict.js';

const sample = (second: number, rest: boolean): Sample => ({
  second,
  rest,
  heapBytes: 60 * 2 ** 20,
  externalBytes: 0,
  rssBytes: 200 * 2 ** 20,
  lagP99Ms: second,
  lagMaxMs: second * 2,
  descriptors: 40,
  processes: 2,
  timers: 0,
  sessions: rest ? 0 : 12,
  heldSessions: 0,
  opened: second,
  ended: second,
  cpuMs: 0,
});

describe('the plot of a soak', () => {
  it('has axes with units, a point for each rest, and a subtitle that is text', () => {
    const samples = Array.from({ length: 200 }, (_, i) => sample(i * 3, i % 10 === 9));
    const svg = plotSoak(samples, 'commit <abc> & more');
    for (const text of ['Memory, MB', 'Event-loop lag, ms', 'At once', 'minutes']) {
      expect(svg).toContain(`>${text}</text>`);
    }
    expect(svg).toContain('commit &lt;abc&gt; &amp; more');
    expect(svg.match(/<circle[^>]* cy="/g)).toHaveLength(20 + 1);
    // RSS has a line of the height that 200 MB have among 200.
    expect(svg).toContain('class="line b" d="M70.0 46.0L');
    expect(svg).toContain('prefers-color-scheme: dark');
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('is an empty one without samples', () => {
    expect(plotSoak([], 'none')).not.toMatch(/NaN|undefined|Infinity/);
  });
});
