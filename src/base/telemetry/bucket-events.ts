/** The events of the buckets in which feeds publish. */
import { type EventSpec, text } from './event-spec.js';

export const BUCKET_EVENTS: Record<string, EventSpec> = {
  bucket_read: {
    level: 'warn',
    say: (f) =>
      `the bucket ${text(f.bucket)} had ${text(f.lines)} lines that the state did not know: it was rebuilt, or is an older copy; they are entered, and the rest is published`,
  },
  file_published: { say: (f) => `published ${text(f.path)} as ${text(f.object)}` },
  file_not_published: {
    level: 'warn',
    say: (f) => `${text(f.path)} had left the warehouse before its feed had a bucket, and is not published`,
  },
  objects_removed: { say: (f) => `removed ${text(f.objects)} objects of ${text(f.path)} from the bucket` },
  object_gone: {
    level: 'error',
    say: (f) => `${text(f.object)} is not in the bucket any more, or is another file: it is published again`,
  },
  local_file_kept: {
    level: 'warn',
    say: (f) => `${text(f.path)} is in the bucket, and its local file stays: ${text(f.reason)}`,
  },
  uploads_unswept: {
    level: 'warn',
    say: (f) =>
      `uploads that nothing belongs to cannot be looked for (${text(f.code)}): ${text(f.reason)}; files are published all the same`,
  },
  upload_given_up: { say: (f) => `gave up an upload of ${text(f.object)} that nothing belongs to` },
};
