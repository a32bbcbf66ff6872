import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { describeWith } from '../support/needs.js';
import { TOOLS } from '../support/tools.js';

const CHART = 'deploy/chart';
/** Values that have to be given, and as few ports as it takes to see them. */
const NEEDED = {
  image: { repository: 'registry.example/voice', tag: '1' },
  secrets: { redisUrl: 'rediss://redis.example:6380' },
  webrtc: { udpPorts: { min: 40_000, max: 40_002 } },
};

describeWith('helm', 'kubectl-validate')('the Helm chart', () => {
  let dir: string;
  let count = 0;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'chart-'));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  const helm = (command: string[], values: object) => {
    const file = join(dir, `${count++}.json`);
    writeFileSync(file, JSON.stringify(values));
    const version = ['--kube-version', '1.30.0'];
    const args = [...command, CHART, '--values', file, ...version];
    return execFileSync(TOOLS.helm.find()!, args, { encoding: 'utf8', stdio: 'pipe' });
  };

  /** Renders it, has the schemas of Kubernetes say what they find, and returns its objects by kind. */
  const render = async (given: object = {}) => {
    const text = helm(['template', 'voice', '--namespace', 'calls'], merged(NEEDED, given));
    const objects = parseAllDocuments(text).map((one): Rendered => one.toJS() as Rendered);
    // Its custom resources have no schema there.
    const known = objects.filter(({ apiVersion }) => !apiVersion.startsWith('keda.sh/'));
    const file = join(dir, `${count++}.yaml`);
    writeFileSync(file, known.map((one) => JSON.stringify(one)).join('\n---\n'));
    const args = [file, '--version', '1.30'];
    const env = { ...process.env, KUBECONFIG: '/dev/null' };
    // Fails for what Kubernetes does not know, and says where.
    await promisify(execFile)(TOOLS['kubectl-validate'].find()!, args, { env });
    return Object.fromEntries(objects.map((one) => [one.kind, one]));
  };

  const podOf = ({ Deployment }: Record<string, Rendered>) => Deployment!.spec.template.spec;
  const envOf = (objects: Record<string, Rendered>) =>
    Object.fromEntries(
      podOf(objects).containers[0]!.env.map(({ name, value, valueFrom }) => [
        name,
        value ?? valueFrom?.secretKeyRef?.key,
      ]),
    );

  it('passes the linter', () => {
    expect(helm(['lint', '--strict'], NEEDED)).toContain('0 chart(s) failed');
  });

  it('is a fleet that drains before it is killed', async () => {
    const objects = await render({ maxSessions: 40, drain: { timeoutSeconds: 600 } });
    expect(Object.keys(objects).sort()).toEqual(
      ['Deployment', 'NetworkPolicy', 'PodDisruptionBudget', 'Secret', 'Service'].sort(),
    );
    expect(objects.Deployment!.spec).toMatchObject({
      replicas: 3,
      strategy: { rollingUpdate: { maxUnavailable: 0 } },
    });
    const pod = podOf(objects);
    const [runner] = pod.containers;
    // The pause, the drain, and what follows it.
    expect(pod.terminationGracePeriodSeconds).toBe(5 + 600 + 25);
    expect(runner!.args).toContain('--drain-timeout=600');
    expect(runner).toMatchObject({
      lifecycle: { preStop: { sleep: { seconds: 5 } } },
      readinessProbe: { httpGet: { path: '/readyz' } },
      livenessProbe: { httpGet: { path: '/livez' } },
      securityContext: { readOnlyRootFilesystem: true },
    });
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true });
    expect(envOf(objects)).toMatchObject({
      PIPECAT_FLEET: 'redis-url',
      PIPECAT_FLEET_SECRET: 'fleet-secret',
      PIPECAT_FLEET_URL: 'http://$(POD_IP):7860',
      PIPECAT_MAX_SESSIONS: '40',
    });
    expect(objects.Secret!.stringData).toMatchObject({
      'redis-url': 'rediss://redis.example:6380',
      'fleet-secret': expect.stringMatching(/^\w{48}$/),
    });
  });

  it('has flags and variables that the standalone runner takes', async () => {
    const objects = await render({
      publicUrl: 'voice.example',
      webrtc: { mode: 'hostPorts' },
      fleet: { maxSessions: 5_000 },
    });
    const help = execFileSync(process.execPath, ['dist/main.js', '--help'], { encoding: 'utf8' });
    const words = help.replace(/\s+/g, ' ');
    for (const arg of podOf(objects).containers[0]!.args) {
      expect(words).toContain(` ${arg.split('=')[0]!} `);
    }
    const variables = Object.keys(envOf(objects)).filter((name) => /^PIPECAT_/.test(name));
    const secret = /_(PUBLIC|PRIVATE)_KEYS$|_SECRET$/;
    const unknown = variables.filter(
      (name) => !secret.test(name) && !words.includes(`env: ${name})`),
    );
    expect(unknown).toEqual([]);
    expect(variables.length).toBeGreaterThan(8);
  });

  it.each([
    [[], 'none'],
    [['rooms'], 'rooms'],
    [['sockets', 'rooms'], 'sockets,rooms'],
  ])('has pods of the roles %j', async (roles, expected) => {
    const fleet = {
      ...{ roles, onNodeLoss: 'restart', dispatchTimeoutSeconds: 2.5, buffer: 7 },
      whenRedisIsDown: 'refuse',
    };
    expect(envOf(await render({ fleet }))).toMatchObject({
      PIPECAT_FLEET_ROLES: expected,
      PIPECAT_FLEET_ON_NODE_LOSS: 'restart',
      PIPECAT_FLEET_DISPATCH_TIMEOUT: '2.5',
      PIPECAT_FLEET_WHEN_REDIS_IS_DOWN: 'refuse',
      PIPECAT_FLEET_BUFFER: '7',
    });
  });

  it('uses a Secret of yours', async () => {
    const objects = await render({ secrets: { existing: 'mine', redisUrl: '' } });
    expect(objects.Secret).toBeUndefined();
    const refs = podOf(objects).containers[0]!.env.flatMap(
      ({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? [],
    );
    expect(new Set(refs)).toEqual(new Set(['mine']));
  });

  it.each([
    ['relay', { hostNetwork: undefined, ports: 1, variable: undefined, addresses: undefined }],
    [
      'hostNetwork',
      { hostNetwork: true, ports: 1, variable: '40000-40002', addresses: '192.0.2.1' },
    ],
    [
      'hostPorts',
      {
        hostNetwork: undefined,
        ports: 4,
        variable: '40000-40002',
        addresses: '$(HOST_IP),192.0.2.1',
      },
    ],
  ])('brings WebRTC to the pods: %s', async (mode, expected) => {
    const objects = await render({ webrtc: { mode, addresses: ['192.0.2.1'] } });
    const pod = podOf(objects);
    const env = envOf(objects);
    expect({
      hostNetwork: pod.hostNetwork,
      ports: pod.containers[0]!.ports.length,
      variable: env.PIPECAT_WEBRTC_PORTS,
      addresses: env.PIPECAT_WEBRTC_ADDRESSES,
    }).toEqual(expected);
    const { ingress } = objects.NetworkPolicy!.spec;
    expect(JSON.stringify(ingress).includes('"endPort":40002')).toBe(mode === 'hostPorts');
  });

  it('scales on sessions, with a private key where there are keys', async () => {
    const keda = { enabled: true, target: 0.7 };
    const open = await render({ keda });
    expect(open.Deployment!.spec).not.toHaveProperty('replicas');
    expect(open.TriggerAuthentication).toBeUndefined();
    const { ScaledObject, TriggerAuthentication, Secret } = await render({
      keda,
      secrets: { privateKeys: 'sk_1, sk_2' },
    });
    const [trigger] = ScaledObject!.spec.triggers;
    expect(trigger).toMatchObject({
      type: 'metrics-api',
      metadata: {
        url: 'http://voice.calls.svc:7860/fleet',
        valueLocation: 'scaleOn',
        targetValue: '70',
        authMode: 'bearer',
      },
      authenticationRef: { name: 'voice' },
    });
    expect(TriggerAuthentication!.spec.secretTargetRef).toEqual([
      { parameter: 'token', name: 'voice', key: 'scaler-key' },
    ]);
    expect(Secret!.stringData).toMatchObject({ 'scaler-key': 'sk_1' });
  });

  it.each([
    [['sockets'], '?role=sockets'],
    [['rooms'], '?role=rooms'],
    [['sockets', 'rooms'], ''],
  ])('scales pods of the roles %j on what is theirs', async (roles, query) => {
    const { ScaledObject } = await render({ keda: { enabled: true }, fleet: { roles } });
    expect(ScaledObject!.spec.triggers[0]).toMatchObject({
      metadata: { url: `http://voice.calls.svc:7860/fleet${query}` },
    });
  });

  it('has numbers of a million and more as integers', async () => {
    const given = {
      ...{ maxSessions: 2_000_000, replicas: 3_000_000 },
      fleet: { maxSessions: 1_000_000, buffer: 4_000_000 },
    };
    expect(envOf(await render(given))).toMatchObject({
      PIPECAT_MAX_SESSIONS: '2000000',
      PIPECAT_FLEET_MAX_SESSIONS: '1000000',
      PIPECAT_FLEET_BUFFER: '4000000',
    });
    const pods = { minReplicas: 1_000_000, maxReplicas: 3_000_000, fallbackReplicas: 2_000_000 };
    const drain = { preStopSeconds: 1_000_000, graceSeconds: 1_000_000 };
    for (const more of [{}, { keda: { enabled: true, ...pods } }, { drain }]) {
      const text = helm(['template', 'voice'], merged(NEEDED, merged(given, more)));
      expect(text.split('\n').filter((line) => /\de\+\d/.test(line))).toEqual([]);
    }
  });

  it('has an Ingress, and leaves out what is switched off', async () => {
    const objects = await render({
      ingress: { enabled: true, host: 'voice.example', tlsSecret: 'tls' },
      podDisruptionBudget: { enabled: false },
      networkPolicy: { enabled: false },
    });
    expect(objects.Ingress!.spec).toMatchObject({ tls: [{ hosts: ['voice.example'] }] });
    expect(objects).not.toHaveProperty('PodDisruptionBudget');
    expect(objects).not.toHaveProperty('NetworkPolicy');
  });

  it('gives an application what a standalone runner has as flags', async () => {
    const objects = await render({
      standalone: false,
      port: 8_000,
      publicUrl: 'voice.example',
      drain: { timeoutSeconds: 600 },
      fleet: { maxSessions: 5_000 },
    });
    expect(podOf(objects).containers[0]).not.toHaveProperty('args');
    const env = envOf(objects);
    expect(env).toMatchObject({
      PORT: '8000',
      PIPECAT_PUBLIC_URL: 'voice.example',
      DRAIN_SECONDS: '600',
    });
    const page = readFileSync('docs/deployment.md', 'utf8');
    const [, example = ''] = /## An application of your own\n(.*?)\n## /s.exec(page) ?? [];
    // The address of the machine is for the chart alone.
    const passed = Object.keys(env).filter((name) => name !== 'HOST_IP' && name !== 'POD_IP');
    expect(passed.filter((name) => !example.includes(name))).toEqual([]);
  });

  it('shows no address of the public that nobody has given', async () => {
    expect(envOf(await render())).not.toHaveProperty('PIPECAT_PUBLIC_URL');
  });

  it.each([
    ['an image', { image: { repository: '' } }, /image\.repository is the image with your bot/],
    ['a tag', { image: { tag: '' } }, /image\.tag is needed, and never latest/],
    ['a tag that stays', { image: { tag: 'latest' } }, /image\.tag is needed, and never latest/],
    ['a tag that is a text', { image: { tag: 20_260_101 } }, /tag.*string/],
    ['Redis', { secrets: { redisUrl: '' } }, /secrets\.redisUrl is the Redis/],
    ['a Redis URL', { secrets: { redisUrl: 'localhost' } }, /redisUrl/],
    ['a long secret', { secrets: { fleetSecret: 'short' } }, /fleetSecret/],
    ['a known option', { maxSesions: 5 }, /maxSesions/],
    ['a host', { ingress: { enabled: true } }, /ingress\.host is the host name/],
    ['ports in order', { webrtc: { udpPorts: { min: 9, max: 8 } } }, /must not be above/],
    ['known roles', { fleet: { roles: ['cinema'] } }, /roles/],
    ['a known mode', { webrtc: { mode: 'nodePort' } }, /mode/],
    [
      'a role for KEDA',
      { keda: { enabled: true }, fleet: { roles: [] } },
      /keda\.enabled needs a role in fleet\.roles/,
    ],
    [
      'a private key for KEDA where there are public ones',
      { keda: { enabled: true }, secrets: { publicKeys: 'pk_1' } },
      /keda\.enabled with secrets\.publicKeys needs secrets\.privateKeys/,
    ],
  ])('asks for %s', (_, given, reason) => {
    expect(() => helm(['template', 'voice'], merged(NEEDED, given))).toThrow(reason);
  });
});

/** Fields of an object of Kubernetes that the tests look at. */
interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly stringData: Record<string, string>;
  readonly spec: {
    readonly template: { readonly spec: PodSpec };
    readonly ingress: unknown;
    readonly triggers: readonly unknown[];
    readonly secretTargetRef: unknown;
  };
}

interface PodSpec {
  readonly hostNetwork?: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: object;
  readonly containers: readonly {
    readonly args: readonly string[];
    readonly ports: readonly object[];
    readonly env: readonly {
      readonly name: string;
      readonly value?: string;
      readonly valueFrom?: {
        readonly secretKeyRef?: { readonly name: string; readonly key: string };
      };
    }[];
  }[];
}

/** Values with others in the place of some of them, at any depth. */
function merged(values: object, given: object): Record<string, unknown> {
  const result: Record<string, unknown> = { ...values };
  for (const [name, value] of Object.entries(given) as [string, unknown][]) {
    const before = result[name];
    const isTree = (one: unknown): one is object =>
      typeof one === 'object' && one !== null && !Array.isArray(one);
    result[name] = isTree(value) && isTree(before) ? merged(before, value) : value;
  }
  return result;
}
