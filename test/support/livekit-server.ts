import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from './free-port.js';

/** The server's binary, set by the global set-up where there is one. */
export const { LIVEKIT_SERVER } = process.env;

/** LiveKit's own server on loopback ports. */
export class LiveKitTestServer {
  readonly apiKey = 'devkey';
  readonly apiSecret = 'a-secret-of-at-least-thirty-two-characters';
  private child: ChildProcess | undefined;
  /** Output of the server, for failing tests. */
  output = '';

  private constructor(
    private readonly port: number,
    private readonly tcpPort: number,
    private readonly udpPort: number,
  ) {}

  /** Reserves the ports, so that its URL can be configured before it runs. */
  static async reserve(): Promise<LiveKitTestServer> {
    return new LiveKitTestServer(await freePort(), await freePort(), await freePort());
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** Runs it, and resolves once it answers. */
  async start(webhookUrl: string): Promise<void> {
    const config = {
      port: this.port,
      bind_addresses: ['127.0.0.1'],
      rtc: {
        tcp_port: this.tcpPort,
        udp_port: this.udpPort,
        use_external_ip: false,
        node_ip: '127.0.0.1',
        enable_loopback_candidate: true,
        interfaces: { includes: ['lo'] },
      },
      keys: { [this.apiKey]: this.apiSecret },
      webhook: { api_key: this.apiKey, urls: [webhookUrl] },
      logging: { level: 'info' },
    };
    this.child = spawn(LIVEKIT_SERVER!, ['--config-body', JSON.stringify(config)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const started = new Promise<void>((resolve, reject) => {
      const read = (chunk: Buffer) => {
        this.output += chunk.toString();
        if (this.output.includes('starting LiveKit server')) resolve();
      };
      this.child!.stdout!.on('data', read);
      this.child!.stderr!.on('data', read);
      this.child!.once('exit', () => reject(new Error(this.output)));
    });
    await started;
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${this.port}`).catch(() => undefined);
      if (answer?.ok) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Kills it as a crash would. */
  async kill(): Promise<void> {
    if (!this.child || this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
    this.output = '';
  }
}
