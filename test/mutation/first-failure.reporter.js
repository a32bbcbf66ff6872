import { writeFileSync } from 'node:fs';

const RESULTS = process.env.MUTATION_RESULTS;

/** Writes the first failure, or how many tests have passed, and ends the run with it: `--bail` would wait for the other tests of the file. */
export default class FirstFailureReporter {
  onTestCaseResult(_test, { status, fullName }) {
    if (status === 'failed') this.#fail(fullName);
  }

  onTestResult(_test, { testExecError, failureMessage }) {
    if (testExecError ?? failureMessage) this.#fail(failureMessage ?? testExecError.message);
  }

  onRunComplete(_contexts, { numPassedTests }) {
    writeFileSync(RESULTS, JSON.stringify({ passed: numPassedTests }));
  }

  #fail(failure) {
    writeFileSync(RESULTS, JSON.stringify({ passed: 0, failure: failure.trim().split('\n')[0] }));
    process.exit(1);
  }
}
