import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Starts a host in a process of its own, which tells its port by IPC. @param settings its argument, as JSON @param env variables beside those of this process */
export async function spawnHost(
  file: URL,
  settings: object,
  env: NodeJS.ProcessEnv = {},
): Promise<{ child: ChildProcess; port: number }> {
  const args = ['--expose-gc', fileURLToPath(file), JSON.stringify(settings)];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ...env },
  });
  const failed = once(child, 'exit').then(() => {
    throw new Error('the host did not start');
  });
  const [{ port }] = (await Promise.race([once(child, 'message'), failed])) as [{ port: number }];
  failed.catch(() => undefined);
  return { child, port };
}
