import { Logger } from '@nestjs/common';
import { logTo } from './runner-logger.js';

// The runner logs to the application's logger.
logTo((context) => new Logger(context));
