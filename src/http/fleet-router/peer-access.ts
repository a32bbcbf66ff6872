import type { Server } from 'node:http';
import type { OnApplicationBootstrap, OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import { secondaryServersOf } from '../../compat/fastify-secondary-servers.js';
import { RunnerLogger } from '../../errors/runner-logger.js';
import { fieldOf, textOfThrown } from '../../errors/thrown.js';
import { InvalidOptionsError } from '../../validation/options.js';
import type { FleetRouter } from './fleet-router.js';
import { PeerConnections } from './peer-connection.js';
import { openDoor, peersAt } from './peer-door.js';
import type { Peers } from './peers.js';

/** Access of the other nodes to this one, for as long as the application lives. */
export class PeerAccess implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new RunnerLogger('PipecatFleet');
  private doors: (() => void)[] = [];

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly router: FleetRouter,
    private readonly peers: Peers | undefined,
  ) {}

  onModuleInit(): void {
    const { peers, server } = this;
    const { httpAdapter } = this.adapterHost;
    if (!peers || !server) return;
    this.doors.push(openDoor(server, peers));
    this.adapterHost.listen$.subscribe(() => {
      const others = secondaryServersOf(httpAdapter);
      this.doors.push(...others.map((other) => openDoor(other, peers)));
      void this.checkUrl(peers);
    });
  }

  /** All runners of the application have joined. @throws {InvalidOptionsError} for two in one fleet, whose sessions either would serve with its own bot */
  async onApplicationBootstrap(): Promise<void> {
    const { peers, server } = this;
    if (!peers || !server) return;
    const known = await Promise.all(
      peersAt(server).map(
        async ({ name }) => name !== undefined && name !== peers.name && peers.knows(name),
      ),
    );
    if (!known.includes(true)) return;
    throw new InvalidOptionsError('RunnerModule', [
      'fleet has another runner of this application: give each a namespace of its own',
    ]);
  }

  onApplicationShutdown(): void {
    for (const close of this.doors) close();
    this.router.close();
  }

  private get server(): Server | undefined {
    return this.adapterHost.httpAdapter?.getHttpServer() as Server | undefined;
  }

  /** Warns unless this node's own URL leads to it. Never rejects. */
  private async checkUrl({ hops, name, url }: Peers): Promise<void> {
    if (name === undefined) return;
    try {
      (await new PeerConnections(hops).dial({ name, url })).destroy();
    } catch (error) {
      const { message } = textOfThrown(fieldOf(error, 'cause') ?? error);
      this.logger.warn(
        `other nodes may not reach this one: advertiseUrl ${url} has to lead to this process alone: ${message}`,
      );
    }
  }
}
