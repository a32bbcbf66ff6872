import type { Server } from 'node:http';
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import { secondaryServersOf } from '../../compat/fastify-secondary-servers.js';
import type { FleetRouter } from './fleet-router.js';
import { openDoor } from './peer-door.js';
import type { Peers } from './peers.js';

/** Access of the other nodes to this one, for as long as the application lives. */
export class PeerAccess implements OnModuleInit, OnApplicationShutdown {
  private doors: (() => void)[] = [];

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly router: FleetRouter,
    private readonly peers: Peers | undefined,
  ) {}

  onModuleInit(): void {
    const { peers } = this;
    const { httpAdapter } = this.adapterHost;
    const server = httpAdapter?.getHttpServer() as Server | undefined;
    if (!peers || !server) return;
    this.doors.push(openDoor(server, peers));
    this.adapterHost.listen$.subscribe(() => {
      const others = secondaryServersOf(httpAdapter);
      this.doors.push(...others.map((other) => openDoor(other, peers)));
    });
  }

  onApplicationShutdown(): void {
    for (const close of this.doors) close();
    this.router.close();
  }
}
