import { readFileSync } from "node:fs";
import type { Tracker } from "@codex/logging";
import type { CreateTracker } from "@codex/logging/registry";
import { trackerContract } from "@codex/logging/testing";
import type { RegistryEntry } from "@codex/registry";

const calls: string[] = [];

/** The smallest tracker that keeps the contract. */
const listing: RegistryEntry<CreateTracker> = {
  create: (): Tracker => ({
    destination: "a list",
    start: async ({ resumed }) => void calls.push(`start ${resumed}`),
    logParams: async (params) => void calls.push(`params ${Object.keys(params).length}`),
    logMetrics: async (records) =>
      void calls.push(...records.map(({ split, step, value }) => `${split} ${step} ${value}`)),
    logText: async ({ tag, step, text }) => void calls.push(`${tag} ${step} ${text}`),
    logArtifact: async ({ name, path }) => void calls.push(`artifact ${name} ${readFileSync(path).byteLength > 0}`),
    finish: async ({ status }) => void calls.push(status),
    close: async () => void calls.push("close"),
  }),
  configSchema: { type: "object", properties: {}, additionalProperties: false },
};

describe("the contract of trackers", () => {
  const expected = [
    [
      ...["start false", "params 3", "artifact config.yaml true", "artifact manifest.json true"],
      ...["train 1 4", "validation 1 5", "train 2 2", "validation 2 2.5"],
      ...["sample 1 a sample of step 1", "sample 2 a sample of step 2"],
      ...["artifact metrics.ndjson true", "artifact events.ndjson true", "completed", "close"],
    ],
    [
      ...["start true", `train 3 ${4 / 3}`, `validation 3 ${5 / 3}`, "sample 3 a sample of step 3"],
      ...["artifact metrics.ndjson true", "artifact events.ndjson true", "completed", "close"],
    ],
    ["start false", "params 1", "train 1 4", "train 2 3", "params 1", "train 1 4", "train 2 3", "close"],
  ];
  const cases = trackerContract(listing, { options: {} });
  test.each(cases.map(({ name, run }, index) => [name, run, expected[index]!] as const))(
    "%s",
    async (_name, run, sent) => {
      calls.length = 0;
      await run();
      expect(calls.slice(-sent.length)).toEqual(sent);
    },
  );

  test("names a tracker that refuses", async () => {
    const refusing: RegistryEntry<CreateTracker> = {
      ...listing,
      create: () => ({
        ...(listing.create({} as never, {} as never) as Tracker),
        logText: async () => {
          throw new Error("no room for texts");
        },
      }),
    };
    await expect(trackerContract(refusing, { options: {} })[0]!.run()).rejects.toThrow("no room for texts");
  });
});
