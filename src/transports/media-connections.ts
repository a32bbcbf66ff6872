import type { RunnerArguments } from '../bot/runner-arguments.js';
import type { MediaConnection } from '../media/media-connection.js';
import { MediaUnavailableError } from '../bot/session-end.js';

/** Media options that the bot asks for. */
export interface MediaConnectionOptions {
  /** Sample rate of the received audio, in Hz, where the peer can choose. */
  readonly sampleRateHz: number | 'native' | undefined;
  /** Aborts connecting. */
  readonly signal: AbortSignal | undefined;
}

/** Capabilities handed over by the transport at launch. They are not arguments, since they cannot leave the process. */
export type MediaConnectionContext = Partial<Pick<MediaConnection, 'hangUp' | 'transfer'>>;

/**
 * Opens the media connection for the arguments of a bot.
 * @throws {MediaUnavailableError} when these arguments have no media in this process
 */
export type MediaConnectionFactory<Args extends RunnerArguments> = (
  args: Args,
  options: MediaConnectionOptions,
  context: MediaConnectionContext,
) => MediaConnection | Promise<MediaConnection>;

/** Any factory. Only instances of the class that it is registered for reach it. */
type AnyFactory = MediaConnectionFactory<never>;

/** Registry of media connection factories, by the class of the runner arguments. */
export class MediaConnections {
  private readonly factories = new Map<unknown, Map<unknown, AnyFactory>>();

  /**
   * Registers the factory of a class, which also serves its subclasses.
   *
   * @param transportType serves only arguments with this `transport_type`, for classes shared by several transports. @default all that no
   * other factory of the class serves
   * @throws {Error} for a second registration
   */
  register<Args extends RunnerArguments>(
    args: abstract new (...init: never[]) => Args,
    factory: MediaConnectionFactory<Args>,
    transportType?: string,
  ): void {
    const ofClass = this.factories.get(args) ?? new Map<unknown, AnyFactory>();
    if (ofClass.has(transportType)) {
      const which = transportType === undefined ? '' : ` with transport_type '${transportType}'`;
      throw new Error(
        `${args.name}${which} has a media connection already: register one for a subclass, or for another transport_type.`,
      );
    }
    this.factories.set(args, ofClass.set(transportType, factory));
  }

  /**
   * Connects with the factory of the nearest class.
   * @throws {MediaUnavailableError} when these arguments have no media in this process
   */
  async connect(
    args: RunnerArguments,
    options: MediaConnectionOptions,
    context: MediaConnectionContext,
  ): Promise<MediaConnection> {
    const type = 'transport_type' in args ? args.transport_type : undefined;
    for (let cls: unknown = args.constructor; cls; cls = Object.getPrototypeOf(cls)) {
      const ofClass = this.factories.get(cls);
      const factory = ofClass?.get(type) ?? ofClass?.get(undefined);
      if (factory) return factory(args as never, options, context);
    }
    throw new MediaUnavailableError(
      `${args.constructor.name} lead to no audio: no transport of this process has called mediaConnections.register() for them.`,
    );
  }
}

/** Registry of this process. A transport registers in the file that defines its arguments, or next to it. */
export const mediaConnections = new MediaConnections();
