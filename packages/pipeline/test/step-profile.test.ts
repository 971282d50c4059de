import { chromeTrace } from "../src/step-profile.ts";

test("kernels and steps become complete events on two threads, in microseconds", () => {
  const kernels = [{ name: "MatMul", shapes: "([2, 3] [3, 4]) -> [2, 4]", startMs: 12.5, durationMs: 0.25 }];
  const trace = chromeTrace(kernels, [{ step: 7, startMs: 12, durationMs: 1.5 }]) as {
    traceEvents: { ph: string; name: string; ts: number; dur: number; tid: number; args: object }[];
  };
  const spans = trace.traceEvents.filter(({ ph }) => ph === "X");
  expect(spans).toEqual([
    { name: "step 7", ph: "X", pid: 1, tid: 1, ts: 12_000, dur: 1500, args: {} },
    { name: "MatMul", ph: "X", pid: 1, tid: 2, ts: 12_500, dur: 250, args: { shapes: "([2, 3] [3, 4]) -> [2, 4]" } },
  ]);
  const named = trace.traceEvents.filter(({ ph }) => ph === "M");
  expect(named.map(({ tid }) => tid)).toEqual([1, 2]);
});
