/**
 * Draws the training and held-out loss of a run as an SVG: node tools/docs/loss-curve.mjs RUN_DIRECTORY OUTPUT.svg "Title"
 * The training loss is a mean over a window of steps, as one step's loss is noisy.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [runDirectory, output, title] = process.argv.slice(2);
const records = readFileSync(join(runDirectory, "metrics.ndjson"), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line));
const curve = (split) => records.filter((r) => r.metric === "loss" && r.split === split).map((r) => [r.step, r.value]);
const held = curve("validation");
const WINDOW = 20;
const training = curve("train").reduce((points, [step], index, all) => {
  if ((index + 1) % WINDOW === 0)
    points.push([step, all.slice(index + 1 - WINDOW, index + 1).reduce((sum, [, v]) => sum + v, 0) / WINDOW]);
  return points;
}, []);

const [width, height, left, bottom, top, right] = [760, 360, 56, 44, 40, 20];
const steps = Math.max(...training.map(([step]) => step));
const values = [...training, ...held].map(([, value]) => value);
const [low, high] = [Math.floor(Math.min(...values) * 5) / 5, Math.ceil(Math.max(...values) * 5) / 5];
const x = (step) => left + (step / steps) * (width - left - right);
const y = (value) => top + ((high - value) / (high - low)) * (height - top - bottom);
const path = (points) =>
  points.map(([step, value], i) => `${i === 0 ? "M" : "L"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`).join("");
const ticks = (from, to, count) => Array.from({ length: count + 1 }, (_, i) => from + ((to - from) * i) / count);

const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12">
<title>${title}</title>
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="${left}" y="22" font-size="15" font-weight="600" fill="#222">${title}</text>
${ticks(low, high, 5)
  .map(
    (v) =>
      `<line x1="${left}" x2="${width - right}" y1="${y(v)}" y2="${y(v)}" stroke="#e5e5e5"/><text x="${left - 8}" y="${y(v) + 4}" text-anchor="end" fill="#666">${v.toFixed(2)}</text>`,
  )
  .join("\n")}
${ticks(0, steps, 5)
  .map((s) => `<text x="${x(s)}" y="${height - bottom + 18}" text-anchor="middle" fill="#666">${Math.round(s)}</text>`)
  .join("\n")}
<text x="${(left + width - right) / 2}" y="${height - 8}" text-anchor="middle" fill="#444">optimizer steps; loss in nats per target token</text>
<path d="${path(training)}" fill="none" stroke="#9db7d5" stroke-width="1.5"/>
<path d="${path(held)}" fill="none" stroke="#c0392b" stroke-width="2"/>
${held.map(([s, v]) => `<circle cx="${x(s)}" cy="${y(v)}" r="3" fill="#c0392b"/>`).join("")}
<text x="${width - right - 150}" y="${top + 16}" fill="#7a98ba">training (mean of ${WINDOW})</text>
<text x="${width - right - 150}" y="${top + 34}" fill="#c0392b">held out, ${held.at(-1)[1].toFixed(3)} at the end</text>
</svg>
`;
writeFileSync(output, svg);
