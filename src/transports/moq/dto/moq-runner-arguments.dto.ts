import { IsArray, IsBoolean, IsOptional, IsString } from 'class-validator';
import { assignDefined } from '../../../bot/call-data.js';
import { type Init, RunnerArguments } from '../../../bot/runner-arguments.js';
import { WireClass } from '../../../bot/wire-classes.js';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { IsPortNumber } from '../../../validation/is-port-number.decorator.js';

/** A bot that talks through Media over QUIC: by a relay, or serving the browser itself. */
@WireClass('MOQRunnerArguments')
export class MOQRunnerArguments extends RunnerArguments {
  /** Where the browser connects: the relay's host, or the bot's own. */
  @IsString({ message: 'host must be a string' })
  @ApiField({ description: "Where the browser connects: the relay's host, or the bot's own." })
  host!: string;

  /** The port there. */
  @IsPortNumber()
  @ApiField({ description: 'The port there.' })
  port!: number;

  /** The path of the relay's endpoint. @default '/moq' */
  @IsString({ message: 'path must be a string' })
  @ApiField({ required: false, default: '/moq', description: "The path of the relay's endpoint." })
  path: string = '/moq';

  /** What a room is elsewhere: who shares it, meets. @default 'pipecat' */
  @IsString({ message: 'namespace must be a string' })
  @ApiField({ required: false, default: 'pipecat', description: 'The room: who shares it, meets.' })
  namespace: string = 'pipecat';

  /** The name the bot broadcasts under, within the namespace. @default 'response' */
  @IsString({ message: 'participant_id must be a string' })
  @ApiField({
    required: false,
    default: 'response',
    description: 'The name the bot broadcasts under.',
  })
  participant_id: string = 'response';

  /** The name the bot listens to, within the namespace. @default 'request' */
  @IsString({ message: 'peer_id must be a string' })
  @ApiField({ required: false, default: 'request', description: 'The name the bot listens to.' })
  peer_id: string = 'request';

  /** Whether the relay's certificate is checked. @default true */
  @IsBoolean({ message: 'verify_ssl must be true or false' })
  @ApiField({
    required: false,
    default: true,
    description: "Whether the relay's certificate is checked.",
  })
  verify_ssl: boolean = true;

  /** Whether the bot listens itself, instead of dialling a relay. @default false */
  @IsBoolean({ message: 'serve must be true or false' })
  @ApiField({ required: false, default: false, description: 'Whether the bot listens itself.' })
  serve: boolean = false;

  /** The local UDP address, such as `[::]:4080`: where to listen when serving, else where to dial from. */
  @IsOptional()
  @IsString({ message: 'bind must be a string such as [::]:4080' })
  @ApiField({ required: false, description: 'The local UDP address.', example: '[::]:4080' })
  bind?: string;

  /** The name in the self-signed certificate, when serving without one of your own. @default 'localhost' */
  @IsString({ message: 'serve_tls_host must be a string' })
  @ApiField({
    required: false,
    default: 'localhost',
    description: 'The name in the self-signed certificate.',
  })
  serve_tls_host: string = 'localhost';

  /** The file of the certificate chain, PEM. */
  @IsOptional()
  @IsString({ message: 'serve_tls_cert must be a string: the path of a PEM file' })
  @ApiField({ required: false, description: 'The file of the certificate chain, PEM.' })
  serve_tls_cert?: string;

  /** The file of the certificate's private key, PEM. */
  @IsOptional()
  @IsString({ message: 'serve_tls_key must be a string: the path of a PEM file' })
  @ApiField({ required: false, description: "The file of the certificate's private key, PEM." })
  serve_tls_key?: string;

  /** SHA-256 fingerprints (hex) of the bot's certificates, for the browser to pin; the bot fills them in. @default [] */
  @IsArray({ message: 'cert_fingerprints must be a list of strings' })
  @IsString({ each: true, message: 'cert_fingerprints must be a list of strings' })
  @ApiField({
    required: false,
    type: String,
    isArray: true,
    default: [],
    description: "SHA-256 fingerprints (hex) of the bot's certificates.",
  })
  cert_fingerprints: string[] = [];

  constructor(init?: Init<MOQRunnerArguments, 'host' | 'port'>) {
    super(init);
    // Again: the defaults above are set after the base class is done.
    assignDefined(this, init ?? {});
  }
}
