// Takes the next job of a fleet's rooms, tells that it has it, and does nothing with it. Its argument, as JSON: { url, prefix }, of Redis and of the keys.
import { Worker } from 'bullmq';

const { url, prefix } = JSON.parse(process.argv[2]);
const { hostname: host, port } = new URL(url);
// With the settings of a worker, which the lock has from whoever takes the job.
const options = { connection: { host, port: Number(port) }, prefix, lockDuration: 3_000 };
const worker = new Worker('rooms', null, { ...options, autorun: false });
process.send({ port: 0 });
let job;
while (!job) job = await worker.getNextJob('token of the holder');
process.send({ job: job.id });
setInterval(() => undefined, 1_000);
