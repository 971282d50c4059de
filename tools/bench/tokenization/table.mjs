/** Results as Markdown: a row for each corpus, a column for each implementation, and how many times as fast codex-native is. */

const format = (number) => number.toFixed(number < 10 ? 1 : 0);

export function table(task, names, measured) {
  const training = task.startsWith("train-");
  const lines = [
    ["corpus", ...names],
    ["---", ...names.map(() => "---")],
  ];
  for (const { corpus, results } of measured) {
    const of = Object.fromEntries(results.map((result) => [result.implementation, result]));
    const ours = of["codex-native"]?.row;
    const cells = names.map((name) => {
      const { row, same, seconds, tokens, note } = of[name];
      if (row === undefined) return note.startsWith("absent") ? "absent" : `fails: ${note}`;
      const parts = [`${format(row.megabytesPerSecond)} MB/s`];
      if (training) parts.push(`${seconds.toFixed(1)} s, ${format(row.peakMemoryBytes / 1e6)} MB`);
      if (tokens !== undefined) parts.push(`${tokens} tokens`);
      if (ours !== undefined && name !== "codex-native") {
        const memory = training ? `, memory ${(ours.peakMemoryBytes / row.peakMemoryBytes).toFixed(2)}` : "";
        parts.push(`(${format(ours.megabytesPerSecond / row.megabytesPerSecond)}x${memory})`);
      }
      return parts.join(" ") + (same ? "" : ` (${note})`);
    });
    lines.push([corpus, ...cells]);
  }
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
