import { Allow, IsOptional, IsString, ValidateBy } from 'class-validator';
import { Verbatim } from '../../validation/verbatim.decorator.js';
import { type A11ySnapshot, snapshotProblem } from '../a11y-snapshot.js';

/** `ui-event`: an event of the client's user interface. */
export class UiEvent {
  /** Name of the event. */
  @IsString({ message: 'event must be a string: the name of the event' })
  event!: string;

  @Verbatim()
  @Allow()
  payload?: unknown;
}

/** `ui-snapshot`: the accessibility tree of the client's user interface. */
export class UiSnapshot {
  @Verbatim()
  @ValidateBy({
    name: 'isSnapshot',
    validator: {
      validate: (value) => snapshotProblem(value) === undefined,
      defaultMessage: (args) => `tree${snapshotProblem(args?.value) ?? ''}`,
    },
  })
  tree!: A11ySnapshot;
}

/** `ui-cancel-job-group`: the user cancels a group of jobs. */
export class UiCancelJobGroup {
  @IsString({ message: 'job_id must be a string: the one of the group' })
  job_id!: string;

  @IsOptional()
  @IsString({ message: 'reason must be a string' })
  reason?: string;
}
