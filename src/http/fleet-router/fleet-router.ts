import type { IncomingMessage } from 'node:http';
import { type Duplex, Readable } from 'node:stream';
import { LogBudget } from '../../errors/log-budget.js';
import { RunnerLogger } from '../../errors/runner-logger.js';
import { RunnerError } from '../../errors/runner.error.js';
import { isInstance, textOfThrown } from '../../errors/thrown.js';
import type { ResolvedRunnerOptions } from '../../runner.options.js';
import { bodyStreamOf, discardBody } from '../body-stream.js';
import { nodeResponse, sendError, takeOverResponse } from '../http-response.js';
import { onClosed } from '../on-closed.js';
import type { OpenExchange } from '../intake/exchange.js';
import type { RunnerRequest } from '../runner-request.js';
import { clientHeaders, forwardedHeaders } from './forwarded-headers.js';
import { forward, type PeerAnswer, PeerStalledError } from './forwarding.js';
import { HOP_HEADER, isFleetHeader } from './hops.js';
import { PeerConnections } from './peer-connection.js';
import { isMisdirected, misdirected, sendAnswer } from './send-answer.js';
import { returnUpgrade, UpgradePipes } from './upgrade-pipes.js';
import type { NamedSession, PeerNode, Peers, Whereabouts } from './peers.js';

/** Ids that a session can have. */
const SESSION_ID = /^[\w-]{1,64}$/;
/** Time beside the owner's own limits, in milliseconds, until it counts as stalled. */
const SLACK_MS = 5_000;
/** Longest time in which another node answers a webhook, in milliseconds. */
const TELL_TIMEOUT_MS = 5_000;
/** The most requests that are passed on at once. */
const MAX_FORWARDED = 5_000;

/** Passes requests that name a session of another node on to it, which authorizes them itself. Without a fleet it does nothing. */
export class FleetRouter {
  private readonly logger = new RunnerLogger('PipecatFleet');
  private readonly log = new LogBudget(this.logger);
  private readonly connections: PeerConnections | undefined;
  /** Sockets that are passed on. */
  readonly pipes: UpgradePipes | undefined;
  private forwarded = 0;

  constructor(
    private readonly options: ResolvedRunnerOptions,
    private readonly peers: Peers | undefined,
  ) {
    this.connections = peers && new PeerConnections(peers.hops);
    this.pipes =
      this.connections && new UpgradePipes(this.connections, () => peers!.observer?.moved());
  }

  /** Takes the headers between nodes off a request, and notes if a node has passed it on. */
  receive({ request }: OpenExchange): void {
    if (this.peers) request.isPassedOn = this.takeHop(request.raw, request.originalUrl);
  }

  private takeHop({ headers, method = '' }: IncomingMessage, url: string): boolean {
    const hop = headers[HOP_HEADER];
    for (const name of Object.keys(headers)) if (isFleetHeader(name)) delete headers[name];
    return typeof hop === 'string' && this.peers!.hops.isSigned(hop, 'hop', method, url);
  }

  /** Continues with a request here, or passes it on to the node that has its session. */
  route(exchange: OpenExchange): void {
    const { peers } = this;
    const { request, route } = exchange;
    if (!peers) return exchange.next();
    const isWhole = request.taken?.raw !== undefined && !request.isPassedOn;
    if (route.opensAnywhere && isWhole && peers.opensNone) return void this.give(exchange, true);
    if (!route.sessionOf) return exchange.next();
    const id = route.sessionOf(request, exchange.param('id'));
    if (!id || !SESSION_ID.test(id)) return this.take(exchange);
    const where = peers.locate(id);
    if (where === 'here') return exchange.next();
    void this.routeTo(exchange, id, where);
  }

  /**
   * Passes a webhook on to the nodes that have sessions which it may be about, with the bytes as they came: each verifies it again.
   * @param names that the sessions have beside their ids
   * @throws {RunnerError} `OVERLOADED` unless all have answered, or are given up: the sender will repeat it
   */
  async tellOwners(request: RunnerRequest, names: readonly string[]): Promise<void> {
    const { peers } = this;
    if (!peers || request.isPassedOn || names.length === 0) return;
    const told = new Set<string>();
    const tell = async (node: PeerNode): Promise<boolean> => {
      if (told.has(node.name)) return true;
      const took = await this.tell(node, request);
      if (!took) return false;
      told.add(node.name);
      peers.observer?.proxied('webhook');
      return true;
    };
    for (let left = 2; left > 0; left--) {
      const owners = await Promise.all(names.map((name) => peers.ownersOf(name)));
      const nodes = new Map(owners.flat().map((node) => [node.name, node]));
      const took = await Promise.all([...nodes.values()].map(tell));
      if (took.every(Boolean)) return;
    }
    throw unreachable();
  }

  /**
   * Passes the upgrade of a socket on to a node with places, where this one takes none, or to the one that alone knows its session.
   * @param named session of its token
   * @returns `undefined` for one that is served here; otherwise false when there is no such node. Never rejects.
   */
  passUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    named?: NamedSession,
  ): Promise<boolean> | undefined {
    const { peers, pipes } = this;
    if (!peers || !pipes) return undefined;
    const { method = '', url = '/' } = request;
    if (this.takeHop(request, url)) {
      return peers.serves(named, request) ? undefined : returnUpgrade(socket);
    }
    const nodes = peers.takersOf(named, request);
    if (!nodes) return undefined;
    const headers: [string, string][] = [
      ...clientHeaders(request),
      [HOP_HEADER, peers.hops.sign('hop', method, url)],
    ];
    return pipes.pass({ request, socket, head }, nodes, headers);
  }

  /** Called when it is decided if an upgrade that is served here gets a place. */
  settle(request: IncomingMessage): void {
    this.peers?.settle(request);
  }

  /** Closes the connections to the other nodes. */
  close(): void {
    this.connections?.close();
  }

  /** Never rejects. */
  private async routeTo(
    exchange: OpenExchange,
    id: string,
    asked: Whereabouts | Promise<Whereabouts>,
  ): Promise<void> {
    const { request } = exchange;
    try {
      const where = await asked;
      if (request.isPassedOn) {
        const isTaken = exchange.route.canMove || exchange.route.takesOver;
        if (where === 'here' || where === 'waiting' || isTaken) exchange.next();
        else misdirected(exchange);
      } else if (where === 'here') exchange.next();
      else if (typeof where === 'string') this.take(exchange);
      else if (exchange.route.takesOver) await this.passOrTakeOver(exchange, where);
      else if (await this.pass(exchange, where)) this.count(exchange);
      else await this.passAgain(exchange, id, where);
    } catch (error) {
      this.refuse(exchange, error);
    }
  }

  /** Continues here with a request that any node can take, or passes it on where this one takes none. */
  private take(exchange: OpenExchange): void {
    const { request, route } = exchange;
    if (!route.canMove || request.isPassedOn || !this.peers!.mustPass) return exchange.next();
    void this.give(exchange);
  }

  /** Passes a request on to a node that takes it; without one this node answers that it does not. Never rejects. */
  private async give(exchange: OpenExchange, opening?: boolean): Promise<void> {
    try {
      for (const node of await this.peers!.withPlaces(opening)) {
        try {
          if (await this.pass(exchange, node)) return this.peers!.observer?.moved();
        } catch (error) {
          // It may have been carried out.
          if (isInstance(error, RunnerError) && error.code === 'NO_ANSWER') throw error;
        }
      }
      exchange.next();
    } catch (error) {
      this.refuse(exchange, error);
    }
  }

  /** Passes a request on, or continues here when the session's node does not answer. */
  private async passOrTakeOver(exchange: OpenExchange, node: PeerNode): Promise<void> {
    // A failure is logged.
    if (await this.pass(exchange, node, TELL_TIMEOUT_MS).catch(() => false)) this.count(exchange);
    else exchange.next();
  }

  /** Looks up once more where a session is that its node does not have. */
  private async passAgain(exchange: OpenExchange, id: string, before: PeerNode): Promise<void> {
    const isStreamed = exchange.request.taken?.leftBytes !== undefined;
    const where = await this.peers!.locate(id, true);
    const moved = typeof where !== 'string' && where.name !== before.name ? where : undefined;
    if (isStreamed) throw moved ? unreachable() : ended();
    if (moved) {
      if (!(await this.pass(exchange, moved))) throw unreachable();
      this.count(exchange);
    } else if (typeof where === 'string') exchange.next();
    // Its node ends it at this moment.
    else throw ended();
  }

  private count({ route }: OpenExchange): void {
    this.peers!.observer?.proxied(route.canMove ? 'offer' : 'request');
  }

  /** Passes a request on, and the answer back. @returns false when the node does not have the session */
  private async pass(exchange: OpenExchange, node: PeerNode, stallMs?: number): Promise<boolean> {
    if (this.forwarded >= MAX_FORWARDED) throw unreachable();
    const { request, reply } = exchange;
    const client = nodeResponse(reply);
    const gone = new AbortController();
    const unlisten = onClosed(client, () => gone.abort());
    this.forwarded++;
    try {
      const answer = await this.ask(node, request, gone.signal, stallMs);
      if (isMisdirected(answer.response)) {
        answer.response.resume();
        return false;
      }
      await sendAnswer(exchange, answer);
      return true;
    } catch (error) {
      // Nobody is left to be answered, or the answer has begun.
      if (gone.signal.aborted || client.headersSent) return true;
      throw this.explained(error);
    } finally {
      this.forwarded--;
      unlisten();
    }
  }

  /** @returns false when it has to be repeated. Never rejects. */
  private async tell(node: PeerNode, request: RunnerRequest): Promise<boolean> {
    try {
      const signal = AbortSignal.timeout(TELL_TIMEOUT_MS);
      const { response } = await this.ask(node, request, signal);
      response.resume();
      return (response.statusCode ?? 500) < 500;
    } catch (error) {
      const { message } = textOfThrown(error);
      this.log.warn(`a webhook was not passed on: ${message}`, 'webhooks not passed on');
      return false;
    }
  }

  private ask(
    node: PeerNode,
    request: RunnerRequest,
    signal: AbortSignal,
    stallMs?: number,
  ): Promise<PeerAnswer> {
    const { method, raw, taken } = request;
    const { sessionRequestTimeoutMs, startQueueMs, stopGraceMs } = this.options;
    const path = pathOf(request.originalUrl);
    const hop = this.peers!.hops.sign('hop', method, path);
    const left = taken?.leftBytes === undefined ? undefined : bodyStreamOf(request);
    return forward(this.connections!, node, {
      ...{ method, path, signal },
      headers: [HOP_HEADER, hop, ...forwardedHeaders(raw)],
      body: left ? Readable.fromWeb(left as Parameters<typeof Readable.fromWeb>[0]) : taken?.raw,
      bodyBytes: taken?.announcedBytes || undefined,
      stallMs: stallMs ?? Math.max(sessionRequestTimeoutMs, startQueueMs) + stopGraceMs + SLACK_MS,
    });
  }

  private explained(error: unknown): unknown {
    if (isInstance(error, RunnerError)) return error;
    const { message } = textOfThrown(error);
    this.log.warn(`a request was not passed on: ${message}`, 'requests not passed on');
    return isInstance(error, PeerStalledError)
      ? new RunnerError('NO_ANSWER', 'The node that has this session did not answer in time.')
      : unreachable();
  }

  private refuse(exchange: OpenExchange, error: unknown): void {
    const { request, reply } = exchange;
    const { raw } = request;
    if (nodeResponse(reply).headersSent) return;
    if (!isInstance(error, RunnerError)) this.logger.error(textOfThrown(error).text);
    const response = takeOverResponse(reply);
    if (!raw.complete && raw.httpVersionMajor < 2) response.setHeader('connection', 'close');
    sendError(response, error);
    discardBody(request);
  }
}

/** Path and query of a request, whose line may have a whole URL. */
const pathOf = (url: string): string =>
  url.startsWith('/') ? url : url.slice(Math.max(0, url.indexOf('/', url.indexOf('://') + 3)));

const unreachable = (): RunnerError =>
  new RunnerError('OVERLOADED', 'The node that has this session does not answer; try again later.');

const ended = (): RunnerError =>
  new RunnerError('UNKNOWN_SESSION', 'There is no such session, or it has ended.');
