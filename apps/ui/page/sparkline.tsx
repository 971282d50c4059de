const WIDTH = 72;
const HEIGHT = 20;

/** A curve as small as a word; the number beside it says the same in text. */
export function Sparkline({ points }: { readonly points: readonly (readonly [number, number])[] }) {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || points.length < 2)
    return <svg class="spark" width={WIDTH} height={HEIGHT} aria-hidden="true" />;
  const values = points.map(([, value]) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (step: number) => 2 + ((step - first[0]) / Math.max(1, last[0] - first[0])) * (WIDTH - 6);
  const y = (value: number) => 2 + ((high - value) / (high - low || 1)) * (HEIGHT - 4);
  const path = points.map(
    ([step, value], index) => `${index === 0 ? "M" : "L"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`,
  );
  return (
    <svg class="spark" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      <path d={path.join("")} />
      <circle cx={x(last[0])} cy={y(last[1])} r="2" />
    </svg>
  );
}
