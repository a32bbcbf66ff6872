// A node whose bots join rooms, where BullMQ is not installed.
import { hidePackage } from './hide-package.js';

hidePackage('bullmq');

await import('./room-node-host.js');
