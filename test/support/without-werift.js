// The standalone runner where werift is not installed.
import { hidePackage } from './hide-package.js';

hidePackage('werift');

await import('../../dist/main.js');
