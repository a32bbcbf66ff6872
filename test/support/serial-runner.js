import { createRequire } from 'node:module';

const { default: TestRunner } = createRequire(import.meta.url)('jest-runner');

/** Runs one file after another: those that listen to real time hear gaps where others take the processor from them. */
export default class SerialRunner extends TestRunner {
  isSerial = true;
}
