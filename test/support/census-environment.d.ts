import type { TestEnvironment } from 'jest-environment-node';

/** Environment of all tests, which counts what an e2e file leaves behind. */
export default class CensusEnvironment extends TestEnvironment {
  handleTestEvent(
    event: { readonly name: 'run_start' | 'run_finish' },
    state: { readonly unhandledErrors: Error[] },
  ): Promise<void>;
}
