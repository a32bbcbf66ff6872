import { All } from '@nestjs/common';
import { RunnerError } from '../errors/runner.error.js';
import { RunnerController } from '../http/runner-controller.decorator.js';

/** Answers whatever lies below the runner's own `path` and is nobody's. Mounted last, and only where there is a `path`. */
@RunnerController()
export class NotFoundController {
  @All('{*path}')
  notFound(): never {
    throw new RunnerError('NOT_FOUND', 'The runner has no such route.');
  }
}
