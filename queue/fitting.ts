/**
 * Returns how many of the first jobs fit into the given bytes. Pure.
 */
export function fitting(jobs: readonly { bytes: number }[], bytesMax: number, atLeastOne: boolean): number {
  let [sum, fits] = [0, 0];
  for (const { bytes } of jobs) {
    sum += bytes;
    if (sum > bytesMax && !(fits === 0 && atLeastOne)) break;
    fits++;
  }
  return fits;
}

export const bytesOf = (jobs: readonly { bytes: number }[]): number => jobs.reduce((sum, { bytes }) => sum + bytes, 0);
