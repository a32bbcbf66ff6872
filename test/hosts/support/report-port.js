// Loaded before a host: tells the suite which port its first server listens on.
import { Server } from 'node:http';

const { listen } = Server.prototype;
let told = false;
Server.prototype.listen = function (...args) {
  this.once('listening', () => {
    if (told) return;
    told = true;
    process.send?.(this.address().port);
    // The channel must not hold the process.
    process.channel?.unref();
  });
  return listen.apply(this, args);
};
