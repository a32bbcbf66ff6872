import { Logger } from '@nestjs/common';
import { logTo } from './runner-logger.js';

// What the runner logs goes where the application's lines go.
logTo((context) => new Logger(context));
