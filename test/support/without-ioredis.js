// The standalone runner where ioredis is not installed.
import { hidePackage } from './hide-package.js';

hidePackage('ioredis');

await import('../../dist/main.js');
