/** How long to wait between attempts. */
export interface BackoffOptions {
  /** Longest wait before the first new attempt, in ms; doubles with each. Default: 1000. */
  base?: number;
  /** Longest wait of all, in ms. Default: 30000. */
  cap?: number;
}

/**
 * Full jitter: uniform between 0 and min(cap, base·2^n), in ms, for the n-th wait counted from 0. It
 * spreads the clients that a restarted server has lost at the same instant.
 */
export function fullJitter(n: number, { base, cap }: Required<BackoffOptions>): number {
  return Math.random() * Math.min(cap, base * 2 ** n);
}
