/** Tools that move files into a bucket today, from cron. Each one removes the files that it has sent. */
import { execFileSync } from 'node:child_process';
import { ENVIRONMENT } from '../harness/store.mjs';
import { ingest } from './product.mjs';

const LACKS = [
  'a file that is still being written, or that is replaced meanwhile, is removed after its older bytes were sent',
  'overwrites what has the same name',
  'no line says what was sent',
];

const absent = (file) => () => {
  try {
    execFileSync(file, ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return `${file} is not installed`;
  }
};

export const rclone = {
  ...{ id: 'rclone', peer: 'rclone', title: 'rclone move', kind: 'peer', lacks: LACKS, missing: absent('rclone') },
  command: ({ input }, { endpoint, bucket }) => ({
    file: 'rclone',
    args: [
      ...['move', input, `:s3:${bucket}/raw`, '--config', '/dev/null', '--s3-env-auth', '--s3-provider', 'Ceph'],
      ...['--s3-endpoint', endpoint, '--s3-no-check-bucket', '--min-age', '1s'],
    ],
    env: ENVIRONMENT,
  }),
};

export const awsMv = {
  ...{ id: 'aws', peer: 'aws', title: 'aws s3 mv --recursive', kind: 'peer', lacks: LACKS, missing: absent('aws') },
  command: ({ input }, { endpoint, bucket }) => ({
    file: 'aws',
    args: ['--endpoint-url', endpoint, 's3', 'mv', '--recursive', '--only-show-errors', input, `s3://${bucket}/raw/`],
    env: ENVIRONMENT,
  }),
};

export const publishing = {
  ...{ id: 'product', title: 'Atomic Ingestor, --publish', kind: 'product' },
  command: (world, { endpoint, bucket }) => ({
    ...ingest(world, '--once', '--publish', `s3://${bucket}/raw`, ...address(endpoint)),
    env: ENVIRONMENT,
  }),
};

/** The same, and nothing is published: what the files cost until they are stored. */
export const storing = {
  ...{ id: 'storing', title: 'Atomic Ingestor, without --publish', kind: 'product' },
  command: (world) => ingest(world, '--once'),
};

const address = (endpoint) => ['--publish-endpoint', endpoint, '--publish-path-style'];
