import { IsInt, Max, Min } from 'class-validator';
import { applyDecorators } from './apply-decorators.js';

/** Validates a TCP or UDP port number. */
export function IsPortNumber(): PropertyDecorator {
  const message = '$property must be a port number from 0 to 65535';
  return applyDecorators(IsInt({ message }), Min(0, { message }), Max(65_535, { message }));
}
