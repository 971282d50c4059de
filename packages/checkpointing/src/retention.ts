/** What retention has to know about a checkpoint. */
export interface RetentionCandidate {
  readonly step: number;
  readonly pinned: boolean;
  /** Value of the metric, if it was evaluated. */
  readonly value: number | undefined;
}

export interface RetentionPolicy {
  /** The newest so many. The one before the newest stays in any case: it is what a damaged newest falls back to. */
  readonly keepLast: number;
  /** Beside those, the best so many. */
  readonly keepBest: number;
  readonly mode: "min" | "max";
}

/** Best first; of equal values the newer step is the better one. Without a value, not at all. */
export function rankByValue<T extends RetentionCandidate>(candidates: readonly T[], mode: "min" | "max"): T[] {
  const sign = mode === "min" ? 1 : -1;
  return candidates
    .filter((candidate) => candidate.value !== undefined)
    .sort((a, b) => sign * (a.value! - b.value!) || b.step - a.step);
}

/** Those that may be deleted, oldest first. */
export function chooseForDeletion<T extends RetentionCandidate>(
  candidates: readonly T[],
  policy: RetentionPolicy,
): T[] {
  const newestFirst = [...candidates].sort((a, b) => b.step - a.step);
  const kept = new Set<T>([
    ...newestFirst.slice(0, Math.max(2, policy.keepLast)),
    ...rankByValue(candidates, policy.mode).slice(0, policy.keepBest),
    ...candidates.filter((candidate) => candidate.pinned),
  ]);
  return newestFirst.filter((candidate) => !kept.has(candidate)).reverse();
}
