const OWN = "Pipecat's own";
/** Results of a conversation that works. */
const WORKS = ['ended', 'joined'];

const cell = (outcome) => {
  if (!outcome) return 'not run';
  if (outcome.reached === 'ended') return 'works';
  if (outcome.reached === 'joined') return 'joins';
  return `only ${outcome.reached}`.replace('only nothing', 'fails');
};

/** Returns the table bot x transport of the rows that a run has written, with what each runner does beside the other. */
export function markdownTable(rows) {
  return [
    "| bot | transport | this runner | Pipecat's own runner |",
    '| --- | --- | --- | --- |',
    ...rows.map(
      ({ bot, way, outcomes }) =>
        `| ${bot} | ${way} | ${cell(outcomes.here)} | ${cell(outcomes[OWN])} |`,
    ),
  ].join('\n');
}

/** Returns how many pairs work where, and which work only under Pipecat's own runner. */
export function summary(rows) {
  const works = (name) => (row) => WORKS.includes(row.outcomes[name]?.reached);
  const lost = rows.filter((row) => works(OWN)(row) && !works('here')(row));
  return [
    `Of ${rows.length} pairs ${rows.filter(works('here')).length} work under this runner, and ${rows.filter(works(OWN)).length} under Pipecat's own.`,
    ...(lost.length > 0
      ? [`Lost here: ${lost.map(({ bot, way }) => `${bot} over ${way}`).join(', ')}.`]
      : ['None that works there is lost here.']),
  ].join(' ');
}
