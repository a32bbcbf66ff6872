import { Module } from '@nestjs/common';
import { SessionApiController } from './session-api.controller.js';

/**
 * A module of its own, to come after all transports: theirs are the more specific routes below `/sessions/:id`, and Express takes the first
 * that fits.
 */
@Module({ controllers: [SessionApiController] })
export class SessionApiModule {}
