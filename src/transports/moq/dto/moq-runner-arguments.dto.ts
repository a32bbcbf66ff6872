import { IsArray, IsBoolean, IsOptional, IsString } from 'class-validator';
import { assignDefined } from '../../../bot/call-data.js';
import { type Init, RunnerArguments } from '../../../bot/runner-arguments.js';
import { MediaUnavailableError } from '../../../bot/session-end.js';
import { WireClass } from '../../../bot/wire-classes.js';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { IsPortNumber } from '../../../validation/is-port-number.decorator.js';
import { mediaConnections } from '../../media-connections.js';

/** Arguments of a bot that connects with Media over QUIC (MoQ): through a relay, or serving the browser itself. */
@WireClass('MOQRunnerArguments')
export class MOQRunnerArguments extends RunnerArguments {
  /** URL of the relay with its query, in place of {@link host}, {@link port} and {@link path}. Pipecat knows it since 1.12. */
  @IsOptional()
  @IsString({ message: 'relay_url must be a string' })
  @ApiField({
    required: false,
    description: 'URL of the relay with its query, in place of host, port and path.',
    example: 'https://relay.example.com/?jwt=…',
  })
  relay_url?: string;

  /** Host that the browser connects to: the relay's, or the bot's own. */
  @IsOptional()
  @IsString({ message: 'host must be a string' })
  @ApiField({
    required: false,
    description: "Host that the browser connects to: the relay's, or the bot's own.",
  })
  host?: string;

  /** Port that the browser connects to. */
  @IsOptional()
  @IsPortNumber()
  @ApiField({ required: false, description: 'Port that the browser connects to.' })
  port?: number;

  /** The path of the relay's endpoint. @default '/moq' */
  @IsString({ message: 'path must be a string' })
  @ApiField({ required: false, default: '/moq', description: "The path of the relay's endpoint." })
  path: string = '/moq';

  /** Namespace, the equivalent of a room. @default 'pipecat' */
  @IsString({ message: 'namespace must be a string' })
  @ApiField({
    required: false,
    default: 'pipecat',
    description: 'Namespace, the equivalent of a room.',
  })
  namespace: string = 'pipecat';

  /** Broadcast name of the bot within the namespace. @default 'response' */
  @IsString({ message: 'participant_id must be a string' })
  @ApiField({
    required: false,
    default: 'response',
    description: 'Broadcast name of the bot.',
  })
  participant_id: string = 'response';

  /** Broadcast name that the bot subscribes to, within the namespace. @default 'request' */
  @IsString({ message: 'peer_id must be a string' })
  @ApiField({
    required: false,
    default: 'request',
    description: 'Broadcast name that the bot subscribes to.',
  })
  peer_id: string = 'request';

  /** Verifies the relay's TLS certificate. @default true */
  @IsBoolean({ message: 'verify_ssl must be true or false' })
  @ApiField({
    required: false,
    default: true,
    description: "Verifies the relay's TLS certificate.",
  })
  verify_ssl: boolean = true;

  /** Serves the browser itself instead of connecting to a relay. @default false */
  @IsBoolean({ message: 'serve must be true or false' })
  @ApiField({ required: false, default: false, description: 'Serves the browser itself.' })
  serve: boolean = false;

  /** Local UDP address, such as `[::]:4080`, to listen on when serving, or else to bind when connecting to the relay. */
  @IsOptional()
  @IsString({ message: 'bind must be a string such as [::]:4080' })
  @ApiField({ required: false, description: 'The local UDP address.', example: '[::]:4080' })
  bind?: string;

  /** Host name in the self-signed certificate, when serving without a certificate file. @default 'localhost' */
  @IsString({ message: 'serve_tls_host must be a string' })
  @ApiField({
    required: false,
    default: 'localhost',
    description: 'Host name in the self-signed certificate.',
  })
  serve_tls_host: string = 'localhost';

  /** Path of the certificate chain, PEM. */
  @IsOptional()
  @IsString({ message: 'serve_tls_cert must be a string: the path of a PEM file' })
  @ApiField({ required: false, description: 'Path of the certificate chain, PEM.' })
  serve_tls_cert?: string;

  /** Path of the certificate's private key, PEM. */
  @IsOptional()
  @IsString({ message: 'serve_tls_key must be a string: the path of a PEM file' })
  @ApiField({ required: false, description: "Path of the certificate's private key, PEM." })
  serve_tls_key?: string;

  /** SHA-256 fingerprints (hex) of the bot's certificates, pinned by the browser. Filled in by the bot. @default [] */
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

  constructor(init?: Init<MOQRunnerArguments>) {
    super(init);
    // Repeated because the field defaults above are set after the base class is constructed.
    assignDefined(this, init ?? {});
  }
}

// Node speaks no QUIC, so there is no media connection.
mediaConnections.register(MOQRunnerArguments, () => {
  throw new MediaUnavailableError(
    'Node has no Media over QUIC, so this bot must connect from another process: hand JSON.stringify(args) to a bot in Python ' +
      "('pipecat-ai[moq]').",
  );
});
