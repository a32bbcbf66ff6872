import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Paths of a private authority's certificate, and of a key and a certificate for 127.0.0.1 that it has signed. */
export interface Certificates {
  readonly ca: string;
  readonly key: string;
  readonly cert: string;
}

/** Makes a key of RSA with an exponent and its certificate, both as PEM. */
export function makeRsaCertificate(exponent: number): { keyPem: string; certPem: string } {
  const bits = ['-newkey', 'rsa:2048', '-pkeyopt', `rsa_keygen_pubexp:${exponent}`, '-nodes'];
  const args = ['req', '-x509', ...bits, '-subj', '/CN=a client', '-keyout', '-', '-out', '-'];
  const pems = execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' });
  const at = pems.indexOf('-----BEGIN CERTIFICATE');
  return { keyPem: pems.slice(0, at), certPem: pems.slice(at) };
}

/** Makes certificates in a folder, valid for a day. */
export function makeCertificates(folder: string): Certificates {
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { stdio: 'pipe' });
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const authority = ['-x509', '-days', '1', '-subj', '/CN=a private authority'];
  openssl('req', ...newKey, ...authority, '-keyout', at('ca.key'), '-out', at('ca.pem'));
  const subject = ['-subj', '/CN=a node'];
  openssl('req', ...newKey, ...subject, '-keyout', at('node.key'), '-out', at('node.csr'));
  writeFileSync(at('node.ext'), 'subjectAltName=IP:127.0.0.1');
  const signed = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '1'];
  const from = ['-in', at('node.csr'), '-extfile', at('node.ext'), '-out', at('node.pem')];
  openssl('x509', '-req', ...signed, ...from);
  return { ca: at('ca.pem'), key: at('node.key'), cert: at('node.pem') };
}
