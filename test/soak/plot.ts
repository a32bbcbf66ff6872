import type { Sample } from './verdict.js';

/** Series of a panel: a line for each, or dots. */
interface Series {
  readonly name: string;
  readonly style: string;
  readonly points: readonly (readonly [second: number, value: number])[];
  readonly dots?: true;
}

interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly series: readonly Series[];
}

const WIDTH = 800;
const HEIGHT = 180;
const LEFT = 70;
const RIGHT = 20;
const TOP = 46;
const GAP = 66;
const TICKS = 4;

const STYLE = `
svg { background: #ffffff; font: 12px sans-serif; }
text { fill: #24292f; } .quiet { fill: #57606a; }
.grid { stroke: #d0d7de; stroke-width: 1; } .line { fill: none; stroke-width: 1.5; }
.a { stroke: #0969da; } .b { stroke: #bc4c00; } .c { stroke: #1a7f37; }
.dot.a { fill: #0969da; stroke: none; }
@media (prefers-color-scheme: dark) {
svg { background: #0d1117; } text { fill: #e6edf3; } .quiet { fill: #9198a1; } .grid { stroke: #3d444d; }
.a { stroke: #58a6ff; } .b { stroke: #f0883e; } .c { stroke: #3fb950; } .dot.a { fill: #58a6ff; }
}`;

const escaped = (text: string): string =>
  text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign]!);

/** Plots a soak as SVG: memory, lag of the event loop and sessions over time. @param subtitle date, commit and machine */
export function plotSoak(samples: readonly Sample[], subtitle: string): string {
  const over = (of: (sample: Sample) => number, from = samples) =>
    from.map((sample) => [sample.second, of(sample)] as const);
  const mb = (bytes: number): number => bytes / 2 ** 20;
  // The first was taken after everything was loaded.
  const warm = samples.slice(1);
  const rests = samples.filter(({ rest }) => rest);
  const panels: Panel[] = [
    {
      title: 'Memory',
      unit: 'MB',
      series: [
        { name: 'RSS', style: 'b', points: over(({ rssBytes }) => mb(rssBytes)) },
        { name: 'heap after gc', style: 'a', points: over(({ heapBytes }) => mb(heapBytes)) },
        {
          name: 'at rest',
          style: 'a',
          points: over(({ heapBytes }) => mb(heapBytes), rests),
          dots: true,
        },
      ],
    },
    {
      title: 'Event-loop lag',
      unit: 'ms',
      series: [
        { name: 'longest', style: 'b', points: over(({ lagMaxMs }) => lagMaxMs, warm) },
        { name: 'p99', style: 'a', points: over(({ lagP99Ms }) => lagP99Ms, warm) },
      ],
    },
    {
      title: 'At once',
      unit: '',
      series: [
        { name: 'descriptors', style: 'b', points: over(({ descriptors }) => descriptors) },
        { name: 'sessions', style: 'a', points: over(({ sessions }) => sessions) },
        { name: 'processes of bots', style: 'c', points: over(({ processes }) => processes) },
      ],
    },
  ];
  const seconds = Math.max(1, ...samples.map(({ second }) => second));
  const height = TOP + panels.length * (HEIGHT + GAP);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Soak test">`,
    `<style>${STYLE}</style>`,
    `<text x="${LEFT}" y="20" class="quiet">${escaped(subtitle)}</text>`,
    ...panels.flatMap((panel, i) => drawPanel(panel, TOP + i * (HEIGHT + GAP), seconds)),
    '</svg>\n',
  ].join('\n');
}

function drawPanel({ title, unit, series }: Panel, top: number, seconds: number): string[] {
  const most = Math.max(...series.flatMap(({ points }) => points.map(([, value]) => value)), 0);
  const step = tickStep(most / TICKS);
  const highest = step * Math.max(1, Math.ceil(most / step));
  const bottom = top + HEIGHT;
  const x = (second: number): string =>
    (LEFT + (second / seconds) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const y = (value: number): string => (bottom - (value / highest) * HEIGHT).toFixed(1);
  const lines = [
    `<text x="${LEFT}" y="${top - 8}">${title}${unit && `, ${unit}`}</text>`,
    ...series.map(
      ({ name, style, dots }, i) =>
        `${legend(WIDTH - RIGHT - (series.length - i) * 130, top - 12, style, dots)}` +
        `<text x="${WIDTH - RIGHT - (series.length - i) * 130 + 24}" y="${top - 8}">${name}</text>`,
    ),
  ];
  for (let value = 0; value <= highest + step / 2; value += step) {
    lines.push(
      `<path class="grid" d="M${LEFT} ${y(value)}H${WIDTH - RIGHT}"/>`,
      `<text class="quiet" text-anchor="end" x="${LEFT - 8}" y="${Number(y(value)) + 4}">${round(value)}</text>`,
    );
  }
  const stride = tickStep(seconds / 60 / 10);
  for (let minute = 0; minute * 60 <= seconds; minute += stride) {
    lines.push(
      `<text class="quiet" text-anchor="middle" x="${x(minute * 60)}" y="${bottom + 18}">${round(minute)}</text>`,
    );
  }
  lines.push(
    `<text class="quiet" text-anchor="end" x="${WIDTH - RIGHT}" y="${bottom + 34}">minutes</text>`,
    ...series.flatMap(({ style, points, dots }) =>
      dots
        ? points.map(
            ([second, value]) =>
              `<circle class="dot ${style}" r="3" cx="${x(second)}" cy="${y(value)}"/>`,
          )
        : [
            `<path class="line ${style}" d="M${points.map(([second, value]) => `${x(second)} ${y(value)}`).join('L')}"/>`,
          ],
    ),
  );
  return lines;
}

const legend = (x: number, y: number, style: string, dots?: true): string =>
  dots
    ? `<circle class="dot ${style}" r="3" cx="${x + 10}" cy="${y}"/>`
    : `<path class="line ${style}" d="M${x} ${y}h20"/>`;

const round = (value: number): string => String(Math.round(value * 100) / 100);

/** The next 1, 2 or 5 times a power of ten. */
function tickStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1e-3)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least * 0.999)!;
}
