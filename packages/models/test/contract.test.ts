import { modelContract } from "@codex/models/testing";
import { devices, selectDevice } from "./devices.ts";
import { createTiny, type TinyName, tinyConfigs } from "./tiny-models.ts";

describe.each(devices)("on %s", (device) => {
  beforeAll(async () => {
    await selectDevice(device);
  });

  describe.each(Object.keys(tinyConfigs) as TinyName[])("%s keeps the contract of a language model:", (name) => {
    for (const { name: rule, run } of modelContract({ create: () => createTiny(name) })) test(rule, run);
  });
});
