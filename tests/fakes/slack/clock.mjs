/* The clock of the computer that never jumps, in microseconds: the same as Python's time.monotonic(). */
export function clockUs() {
  return Number(process.hrtime.bigint() / 1000n);
}
