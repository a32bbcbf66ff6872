import { Equals, IsArray } from 'class-validator';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { Verbatim } from '../../../validation/verbatim.decorator.js';

/** Body of `POST /whatsapp`: calls and the other events that an app can subscribe to. */
export class WhatsAppWebhook {
  @Equals('whatsapp_business_account', { message: 'object must be whatsapp_business_account' })
  @ApiField({
    description: 'The subscribed object.',
    type: String,
    enum: ['whatsapp_business_account'],
  })
  object!: string;

  @Verbatim()
  @IsArray({ message: 'entry must be a list' })
  @ApiField({
    description: 'The events: `[{ changes: [{ field, value }] }]`.',
    type: Object,
    isArray: true,
    additionalProperties: true,
  })
  entry!: unknown[];
}

/** Answer of `POST /whatsapp`. */
export class WhatsAppAnswer {
  @ApiField({ type: String, enum: ['success'], description: 'The webhook was accepted.' })
  status!: 'success';

  @ApiField({ type: String, description: 'The outcome.' })
  message!: string;
}
