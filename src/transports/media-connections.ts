import type { RunnerArguments } from '../bot/runner-arguments.js';
import type { MediaConnection } from '../media/media-connection.js';
import { MediaUnavailableError } from '../media/media-unavailable.error.js';

/** The wishes of a bot for its media. */
export interface MediaConnectionOptions {
  /** The rate at which the bot wants to hear, in Hz, where the peer can choose. */
  readonly sampleRateHz: number | 'native' | undefined;
  /** Aborts the connecting. */
  readonly signal: AbortSignal | undefined;
}

/** What a transport handed over when it launched the bot: it is not among the arguments, for it must not leave the process. */
export type MediaConnectionContext = Partial<Pick<MediaConnection, 'hangUp' | 'transfer'>>;

/**
 * Connects a bot to the media of a transport.
 * @throws {MediaUnavailableError} when these arguments have none in this process
 */
export type MediaConnectionFactory<Args extends RunnerArguments> = (
  args: Args,
  options: MediaConnectionOptions,
  context: MediaConnectionContext,
) => MediaConnection | Promise<MediaConnection>;

/** The factory of a class, whatever its arguments: only instances of that class reach it. */
type AnyFactory = MediaConnectionFactory<never>;

/** The media connections of all transports of this process, by the class of the arguments that their bots are launched with. */
export class MediaConnections {
  private readonly factories = new Map<unknown, Map<unknown, AnyFactory>>();

  /**
   * Registers the factory of a class, which also serves its subclasses.
   *
   * @param transportType serves only arguments with this `transport_type`, for classes that several transports share. @default all that no
   * other factory of the class serves
   * @throws {Error} when there is one already
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
   * @throws {MediaUnavailableError} when there is no media to be had from these arguments in this process
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

/** The one registry of this process. A transport registers in the file that also defines its arguments, or next to it. */
export const mediaConnections = new MediaConnections();
