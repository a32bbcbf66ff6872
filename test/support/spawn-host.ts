import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Starts a host in a process of its own, which tells its port by IPC. @param settings its argument, as JSON */
export async function spawnHost(
  file: URL,
  settings: object,
): Promise<{ child: ChildProcess; port: number }> {
  const args = ['--expose-gc', fileURLToPath(file), JSON.stringify(settings)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const failed = once(child, 'exit').then(() => {
    throw new Error('the host did not start');
  });
  const [{ port }] = (await Promise.race([once(child, 'message'), failed])) as [{ port: number }];
  failed.catch(() => undefined);
  return { child, port };
}
