// A bot with Nest's logger, in a process of its own.
import { Logger } from '@nestjs/common';

export default async function bot(_args, session) {
  new Logger('Greeter').warn('hello from Nest');
  session.logger.log('hello from the session');
}
