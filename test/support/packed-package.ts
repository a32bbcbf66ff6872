import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

export const run = promisify(execFile);

/** The package as npm packs it, and applications that have it installed. */
export class PackedPackage {
  private readonly children: ChildProcess[] = [];

  private constructor(
    private readonly dir: string,
    readonly tarball: string,
  ) {}

  /** Packs what Jest's global set-up has built. */
  static async create(): Promise<PackedPackage> {
    const dir = await mkdtemp(join(tmpdir(), 'package-'));
    const { stdout } = await run('npm', [
      'pack',
      '--ignore-scripts',
      '--json',
      '--pack-destination',
      dir,
    ]);
    const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
    return new PackedPackage(dir, join(dir, filename));
  }

  /** Makes an application with the package among its dependencies. @returns its folder */
  async freshApp(name: string, manifest: object, files: Record<string, string>): Promise<string> {
    const app = join(this.dir, name);
    await mkdir(app);
    for (const [file, text] of Object.entries(files)) await writeFile(join(app, file), text);
    await this.install(app, { private: true, ...manifest });
    return app;
  }

  /** The same of a folder with a `package.json`. @returns the folder of the copy */
  async copyApp(source: string): Promise<string> {
    const app = join(this.dir, 'copy');
    await cp(source, app, { recursive: true });
    await this.install(
      app,
      JSON.parse(await readFile(join(app, 'package.json'), 'utf8')) as object,
    );
    return app;
  }

  /** Starts a program that prints its port, and resolves with its URL. */
  async start(
    app: string,
    file: string,
    ...args: string[]
  ): Promise<{ url: string; child: ChildProcess }> {
    const child = spawn(process.execPath, [file, ...args], { cwd: app });
    this.children.push(child);
    let errors = '';
    child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
    for await (const line of createInterface(child.stdout)) {
      const port = /listening on (\d+)/.exec(line)?.[1];
      if (!port) continue;
      child.stdout.resume();
      return { url: `http://127.0.0.1:${port}`, child };
    }
    throw new Error(`it did not start: ${errors}`);
  }

  /** Compiles an application with its own TypeScript. @throws {Error} with what the compiler says */
  async compile(app: string): Promise<void> {
    await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], { cwd: app }).catch(
      (error: { stdout: string }) => {
        throw new Error(error.stdout);
      },
    );
  }

  async remove(): Promise<void> {
    for (const child of this.children) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    }
    await rm(this.dir, { recursive: true });
  }

  private async install(app: string, manifest: object): Promise<void> {
    const dependencies = {
      'nestjs-pipecat-runner': `file:${this.tarball}`,
      ...(manifest as { dependencies: object }).dependencies,
    };
    await writeFile(join(app, 'package.json'), JSON.stringify({ ...manifest, dependencies }));
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: app });
  }
}
