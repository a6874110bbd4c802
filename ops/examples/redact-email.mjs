/** Replaces the column email, and writes the sum of each country into an output of its own. */
export default (file) => {
  const sums = new Map();
  return {
    redact(record, emit) {
      record.email = '***';
      // A number, because the chain declares the column so.
      sums.set(record.country, (sums.get(record.country) ?? 0) + record.amount);
      emit('redacted', record);
    },
    end(emit) {
      for (const [country, sum] of sums) emit('sums', { file: file.name, country, sum: sum.toFixed(2) });
    },
  };
};
