import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { uploadsOff } from '../bot/file-storage.js';
import { answerLast } from '../http/not-found.js';
import { RunnerPaths } from '../http/runner-paths.js';

/** Answers `POST /files` while uploads are off, unless the host has a route of this name. */
@Injectable()
export class UploadsOff implements OnModuleInit {
  constructor(
    private readonly paths: RunnerPaths,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  onModuleInit(): void {
    const route = ['post', `${this.paths.basePath}/files`] as const;
    answerLast(this.adapterHost, { fastify: route, express: route }, uploadsOff());
  }
}
