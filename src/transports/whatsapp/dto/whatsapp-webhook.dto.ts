import { Equals, IsArray } from 'class-validator';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { Verbatim } from '../../../validation/verbatim.decorator.js';

/** What Meta sends to `POST /whatsapp`: calls, among much else that an app can subscribe to. */
export class WhatsAppWebhook {
  @Equals('whatsapp_business_account', { message: 'object must be whatsapp_business_account' })
  @ApiField({
    description: 'What it is about.',
    type: String,
    enum: ['whatsapp_business_account'],
  })
  object!: string;

  @Verbatim()
  @IsArray({ message: 'entry must be a list' })
  @ApiField({
    description: 'What happened: `[{ changes: [{ field, value }] }]`.',
    type: Object,
    isArray: true,
    additionalProperties: true,
  })
  entry!: unknown[];
}

/** What `POST /whatsapp` answers. */
export class WhatsAppAnswer {
  @ApiField({ type: String, enum: ['success'], description: 'That it was taken.' })
  status!: 'success';

  @ApiField({ type: String, description: 'What became of it.' })
  message!: string;
}
