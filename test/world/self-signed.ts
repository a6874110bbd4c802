/** A certificate that nobody vouches for. It is for `name` as an address on loopback or as a host. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export interface SelfSigned {
  key: Buffer;
  cert: Buffer;
  /** The certificate's file, for `NODE_EXTRA_CA_CERTS`. */
  path: string;
}

export function selfSigned(t: TestContext, name: string): SelfSigned {
  const folder = mkdtempSync(join(tmpdir(), 'ingest-certificate-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [key, cert] = ['key.pem', 'cert.pem'].map((file) => join(folder, file)) as [string, string];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  const alias = `subjectAltName=${/^[\d.]+$/.test(name) ? 'IP' : 'DNS'}:${name}`;
  const subject = ['-subj', `/CN=${name}`, '-addext', alias];
  execFileSync('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key: readFileSync(key), cert: readFileSync(cert), path: cert };
}
