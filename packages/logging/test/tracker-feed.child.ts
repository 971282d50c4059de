/** Run as a process by tracker-feed.test.ts. */
import { openTrackerFeed, type Tracker } from "@codex/logging";

let refused = false;
const tracker: Tracker = {
  destination: "standard output",
  start: async () => {},
  logParams: async () => {},
  async logMetrics() {
    if (refused) return;
    refused = true;
    console.log("refused");
    throw new Error("not yet");
  },
  logText: async () => {},
  logArtifact: async () => {},
  finish: async ({ status }) => console.log(status),
};
const feed = await openTrackerFeed({
  runDirectory: process.argv[2] ?? "",
  trackers: new Map([["child", tracker]]),
  params: {},
  attempts: 5,
});
const [result] = await feed.finish(Number.POSITIVE_INFINITY);
console.log(result?.complete);
