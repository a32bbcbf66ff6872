import { availableParallelism, loadavg } from 'node:os';

/** Number of processes that wait for each processor, at least 1: times that an idle machine keeps are longer by as much. */
export const busy = () => Math.max(1, loadavg()[0] / availableParallelism());
