/** What a shell does without any guarantee: the floor that a machine sets. */
const LACKS = [
  'takes files that are still being written',
  'stores a content again under another name',
  'overwrites what has the same name',
  'a crash leaves files without a line, or lines without a file',
];

const PARTITION = 'part="$WAREHOUSE/ingest_date=$(date -u +%F)"; mkdir -p "$part"';
const SAME = `set -e; ${PARTITION}
find "$INPUT" -type f -exec sha256sum {} + > "$MANIFESTS/manifest.sha256"
find "$INPUT" -type f -exec mv -t "$part" -- {} +
sync`;
const TWO_CORES = `set -e; ${PARTITION}
find "$INPUT" -type f -print0 | xargs -0 -P 2 -n 1 sha256sum > "$MANIFESTS/manifest.sha256"
find "$INPUT" -type f -exec mv -t "$part" -- {} +`;
const ACROSS = `set -e; ${PARTITION}
find "$INPUT" -type f -print0 | xargs -0 -P 2 -n 1 sha256sum > "$MANIFESTS/manifest.sha256"
find "$INPUT" -type f -exec cp -p -t "$part" -- {} +
sync
find "$INPUT" -type f -delete`;

const shell = (id, title, script) => ({
  ...{ id, title, kind: 'peer', peer: 'coreutils', lacks: LACKS, quick: true },
  command: ({ input, warehouse, manifests }) => ({
    file: '/bin/sh',
    args: ['-c', script],
    env: { INPUT: input, WAREHOUSE: warehouse, MANIFESTS: manifests },
  }),
});

export const coreutils = shell('coreutils', 'coreutils: find + sha256sum, mv, sync', SAME);
export const twoCoreSha256sum = shell('coreutils', 'coreutils: sha256sum on two cores, mv', TWO_CORES);
export const copyAcross = shell('coreutils', 'coreutils: sha256sum on two cores, cp -p, sync, rm', ACROSS);
