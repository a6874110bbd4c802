/** The producer finds one held file and one without a sidecar, and is done. */
import { liveAsChild } from '../../../../src/service/supervise/life.js';
import { startBeating, steady, traceLife } from './slot.js';

liveAsChild(async (role) => async (context) => {
  if (role === 'worker') return steady(context);
  traceLife(context);
  const stop = startBeating(context, { job: null, place: '' });
  context.report({
    kind: 'once_done',
    held: { count: 1, names: ['bad.csv'] },
    open: { count: 0, names: [] },
    withoutSidecar: { count: 1, names: ['lonely.csv'] },
    unread: { count: 0, names: [] },
    partial: { count: 0, names: [] },
    unpublished: { count: 0, names: [] },
    others: { count: 0, names: [] },
    twins: { count: 0, names: [] },
  });
  stop();
});
