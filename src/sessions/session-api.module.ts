import { Module } from '@nestjs/common';
import { SessionApiController } from './session-api.controller.js';

/** Separate module, registered after all transports: their routes below `/sessions/:id` are more specific, and Express uses the first match. */
@Module({ controllers: [SessionApiController] })
export class SessionApiModule {}
