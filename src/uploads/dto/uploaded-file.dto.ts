import { ApiField } from '../../validation/api-field.decorator.js';

/** Answer of an upload: a file as RTVI's `send-file` message takes it. */
export class UploadedFile {
  @ApiField({ type: String, description: 'The file name.', example: 'invoice.pdf' })
  name!: string;

  @ApiField({
    type: Object,
    description: 'The URL of the file, for the bot.',
    example: { type: 'url', url: 'pipecat:0af7651916cd43dd8448eb211c80319c' },
  })
  source!: { readonly type: 'url'; readonly url: string };

  @ApiField({ type: String, description: 'The media type.', example: 'application/pdf' })
  format!: string;
}
