/** A real object store of one run, of the tests' own helper (Debian's radosgw), with one bucket. */
import { createHash } from 'node:crypto';
import * as s3 from '@aws-sdk/client-s3';
import { Ceph, hasCeph } from '../../dist/test/world/ceph.js';

const BUCKET = 'bench';
const KEYS = { accessKeyId: 'access-bench', secretAccessKey: 'secret-bench' };

/** The environment of a program that uses it. The settings of the user are not read. */
export const ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CA_BUNDLE: undefined,
  AWS_DEFAULT_REGION: 'us-east-1',
  // The store of Debian stable does not know the checksums that newer clients send unasked.
  AWS_REQUEST_CHECKSUM_CALCULATION: 'when_required',
  AWS_RESPONSE_CHECKSUM_VALIDATION: 'when_required',
};

export const noStore = () => (hasCeph() ? undefined : 'Ceph is not installed (Debian: ceph-mon ceph-osd radosgw)');

/** Runs `act` with a store that is removed however that ends. `onDisk`: bytes, for more than memory holds. */
export async function inStore({ onDisk } = {}, act) {
  let server;
  try {
    const begun = (ceph) => {
      server = ceph;
    };
    await Ceph.start(begun, onDisk ? { onDisk } : {});
    const keys = ['--access-key', KEYS.accessKeyId, '--secret-key', KEYS.secretAccessKey];
    await server.admin('user', 'create', '--uid', 'bench', '--display-name', 'bench', ...keys);
    const store = new Store(`http://127.0.0.1:${server.port}`);
    await store.client.send(new s3.CreateBucketCommand({ Bucket: BUCKET }));
    return await act(store);
  } finally {
    await server?.remove();
  }
}

class Store {
  bucket = BUCKET;

  constructor(endpoint) {
    this.endpoint = endpoint;
    this.client = new s3.S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: KEYS });
  }

  /** The objects of files. */
  async *objects() {
    for (let after; ; ) {
      const page = await this.client.send(new s3.ListObjectsV2Command({ Bucket: BUCKET, StartAfter: after }));
      for (const { Key, Size } of page.Contents ?? []) if (Key.endsWith('.csv')) yield { key: Key, size: Size };
      if (!page.IsTruncated) return;
      after = page.Contents.at(-1).Key;
    }
  }

  async sha256(key) {
    const { Body } = await this.client.send(new s3.GetObjectCommand({ Bucket: BUCKET, Key: key }));
    const hash = createHash('sha256');
    for await (const bytes of Body) hash.update(bytes);
    return hash.digest('hex');
  }

  async uploads() {
    const { Uploads = [] } = await this.client.send(new s3.ListMultipartUploadsCommand({ Bucket: BUCKET }));
    return Uploads.length;
  }
}
