import { createRequire } from 'node:module';

const { default: TestRunner } = createRequire(import.meta.url)('jest-runner');

/**
 * Runs two files at a time, for those that listen to real time hear gaps where more of them take the processor. Each has a process of its
 * own: modules of finished files stay in memory, and collecting the garbage beside those of many takes seconds.
 */
export default class PairRunner extends TestRunner {
  constructor(globalConfig, context) {
    super({ ...globalConfig, maxWorkers: 2, workerIdleMemoryLimit: 0 }, context);
  }
}
