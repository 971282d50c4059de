const MAX_LENGTH = 100; // distances cost the product of the lengths, and keys may be hostile

/** How many letters are inserted, dropped, replaced or swapped with their neighbour between two words (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(replaced, last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, beforeLast[j - 2]! + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}

/**
 * The candidate that was probably meant: the same letters in another spelling (`learning_rate`), the initials (`lr` for
 * `learningRate`), or the closest one within a third of the word.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > MAX_LENGTH) return undefined;
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, "");
  const initials = (text: string) =>
    text
      .replace(/([A-Z])/g, " $1")
      .split(/[^A-Za-z0-9]+/)
      .map((part) => part.slice(0, 1).toLowerCase())
      .join("");
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    if (candidate.length > MAX_LENGTH) continue;
    const sameInitials = word.length > 1 && initials(candidate) === word.toLowerCase();
    const distance =
      plain(candidate) === plain(word) ? 0 : sameInitials ? 0.5 : editDistance(plain(word), plain(candidate));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}
