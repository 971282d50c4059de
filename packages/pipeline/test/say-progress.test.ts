import type { PipelineEvent } from "../src/events.ts";
import { sayProgress } from "../src/say-progress.ts";

test("a short stage says nothing, a long one every five seconds, and the message is made only then", () => {
  const events: PipelineEvent[] = [];
  let made = 0;
  let second = 0;
  const progress = sayProgress(
    (event) => events.push(event),
    "data",
    () => second * 1000,
  );
  for (; second < 13; second += 1) progress(() => `${++made} told`);
  expect(events).toEqual([
    { type: "stage", stage: "data", message: "1 told" },
    { type: "stage", stage: "data", message: "2 told" },
  ]);
  expect(made).toBe(2);
});
