// Builds Helm, and what checks Kubernetes objects by the schemas of Kubernetes, from their Go modules, once per machine.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TEST_CACHE } from './build-pipecat.js';

const HELM_VERSION = '3.22.0';
const VALIDATE_VERSION = '0.0.4';

/** Path of Helm. */
export const HELM = process.env.HELM ?? join(TEST_CACHE, `helm-${HELM_VERSION}`);
/** Path of kubectl-validate, which brings the schemas of Kubernetes 1.23 to 1.30 along. */
export const KUBECTL_VALIDATE =
  process.env.KUBECTL_VALIDATE ?? join(TEST_CACHE, `kubectl-validate-${VALIDATE_VERSION}`);

/** Builds it unless it is there. @returns why that was not possible, if it was not */
export const buildHelm = () => build(HELM, 'helm', `helm.sh/helm/v3/cmd/helm@v${HELM_VERSION}`);

/** Builds it unless it is there. @returns why that was not possible, if it was not */
export const buildKubectlValidate = () =>
  build(KUBECTL_VALIDATE, 'kubectl-validate', `sigs.k8s.io/kubectl-validate@v${VALIDATE_VERSION}`);

function build(path, name, module) {
  if (existsSync(path)) return undefined;
  const folder = `${path}.building`;
  try {
    execFileSync('go', ['version'], { stdio: 'pipe' });
    console.log(`Building ${name}, once; it takes a minute or two …`);
    mkdirSync(dirname(path), { recursive: true });
    execFileSync('go', ['install', '-ldflags=-s -w', module], {
      env: { ...process.env, GOBIN: folder, GOFLAGS: '', CGO_ENABLED: '0' },
      stdio: 'pipe',
      timeout: 900_000,
    });
    renameSync(join(folder, name), path);
    return undefined;
  } catch (error) {
    return error.code === 'ENOENT'
      ? 'Go 1.26 is not installed'
      : String(error.stderr ?? error.message).trim();
  }
}
