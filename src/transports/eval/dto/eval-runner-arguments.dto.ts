import { IsString } from 'class-validator';
import { assignDefined } from '../../../bot/call-data.js';
import { type Init, RunnerArguments } from '../../../bot/runner-arguments.js';
import { WireClass } from '../../../bot/wire-classes.js';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { IsPortNumber } from '../../../validation/is-port-number.decorator.js';

/** Arguments of a bot under evaluation: it serves one RTVI client, the evaluation harness, at this address. */
@WireClass('EvalRunnerArguments')
export class EvalRunnerArguments extends RunnerArguments {
  /** The address to listen on. @default 'localhost' */
  @IsString({ message: 'host must be a string' })
  @ApiField({ required: false, default: 'localhost', description: 'The address to listen on.' })
  host: string = 'localhost';

  /** The port to listen on. @default 7860 */
  @IsPortNumber()
  @ApiField({ required: false, default: 7860, description: 'The port to listen on.' })
  port: number = 7860;

  constructor(init: Init<EvalRunnerArguments> = {}) {
    super(init);
    // Repeated because the field defaults above are set after the base class is constructed.
    assignDefined(this, init);
  }
}
