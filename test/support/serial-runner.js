import { createRequire } from 'node:module';

const { default: TestRunner } = createRequire(import.meta.url)('jest-runner');

/**
 * Runs one file after another: those that listen to real time hear gaps where others take the processor from them. Each has a process of its
 * own: modules of finished files stay in memory, and collecting the garbage beside those of many takes seconds.
 */
export default class SerialRunner extends TestRunner {
  constructor(globalConfig, context) {
    super({ ...globalConfig, maxWorkers: 1, workerIdleMemoryLimit: 0 }, context);
  }
}
