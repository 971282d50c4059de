import { temporaryFolder } from "../temporary-folder.ts";
import { sessionKillLoop } from "./kill-loop.ts";

test("60 kills of four processes that log at once: no accepted event is lost, none is half, the stores agree", async () => {
  const result = await sessionKillLoop(temporaryFolder(), { kills: 60, seed: 20261121 });
  expect(result.kills).toBe(60);
  expect(result.accepted).toBeGreaterThan(100);
  expect(result.stored).toBeGreaterThanOrEqual(result.accepted);
}, 240_000); // some seconds of processor time for the start of each process
