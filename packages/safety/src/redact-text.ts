import { type SecretRule, secretRules } from "./secret-rules.ts";

/** Where a secret stands: offsets in UTF-16 code units, end exclusive. It does not hold the secret. */
export interface SecretFinding {
  readonly rule: string;
  readonly start: number;
  readonly end: number;
}

/** Rules whose hints are in many a text: "=", ";", "-". */
const rulesOfMarks: readonly SecretRule[] = secretRules.filter(({ hints }) => hints.some((hint) => hint.length === 1));

/** The hints of all others at once: most texts have none of them, and are done after one pass. */
const tellingHint = new RegExp(
  secretRules
    .filter((rule) => !rulesOfMarks.includes(rule))
    .flatMap(({ hints }) => hints)
    .map((hint) => hint.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join("|"),
);

/**
 * Finds secrets of known shapes. A secret without a shape (a password in a sentence) is not found, and a text may look
 * like a secret without being one: a match is a reason to look.
 *
 * @returns in order of position, without overlaps
 */
export function findSecrets(text: string): SecretFinding[] {
  let found: SecretFinding[] = [];
  const candidates = tellingHint.test(text) ? secretRules : rulesOfMarks;
  for (const { id, hints, pattern } of candidates) {
    if (!hints.some((hint) => text.includes(hint))) continue;
    const matches = Array.from(text.matchAll(pattern), (match) => ({
      rule: id,
      start: match.index + (match[1]?.length ?? 0),
      end: match.index + match[0].length,
    }));
    if (matches.length > 0) found = merge(found, matches);
  }
  return found;
}

/** Both in order of position and without overlaps; where the two overlap, the first list wins. Linear in their lengths. */
function merge(first: readonly SecretFinding[], second: readonly SecretFinding[]): SecretFinding[] {
  const merged: SecretFinding[] = [];
  let next = 0;
  for (const finding of second) {
    while (next < first.length && first[next]!.end <= finding.start) merged.push(first[next++]!);
    const other = first[next];
    if (other === undefined || finding.end <= other.start) merged.push(finding);
  }
  return [...merged, ...first.slice(next)];
}

/** The text with every secret of a known shape replaced by `[REDACTED:<rule>]`. Redacting twice changes nothing more. */
export function redactText(text: string): string {
  const findings = findSecrets(text);
  if (findings.length === 0) return text;
  let result = "";
  let done = 0;
  for (const { rule, start, end } of findings) {
    result += `${text.slice(done, start)}[REDACTED:${rule}]`;
    done = end;
  }
  return result + text.slice(done);
}
