export interface Mutant {
  readonly area: string;
  readonly why: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly tests: readonly string[];
}
export interface TestRun {
  readonly files: readonly string[];
  readonly title?: string;
}
export function areas(): string[];
export function mutantsOf(area: string): Mutant[];
export function mutate(source: string, mutant: Mutant): string;
export function testRuns(mutant: Pick<Mutant, 'file' | 'tests'>): TestRun[];
