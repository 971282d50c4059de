/** The two plain TensorFlow.js programs of examples/tensorflowjs on each backend: the same losses, and milliseconds per step. */
import { join } from "node:path";
import { repository } from "../../setup.mjs";
import { measure, median } from "../child.mjs";

/** Where the time stands, steps or epochs, and over how many steps losses are compared: rounding grows from step to step with Adam, which divides by what is nearly zero. */
const PROGRAMS = { digits: ["medianBatchTimeMs", "1", 4], diabetes: ["medianStepTimeMs", "300", 200] };
/** On wasm the gradients of a convolution run on plain JavaScript: a batch takes seconds. */
const DEVICES = { digits: ["engine", "tensorflow"], diabetes: ["engine", "tensorflow", "wasm"] };

export async function examples({ projectDirectory, devices, rounds, budget }) {
  const results = [];
  for (const [program, [field, amount, comparedSteps]] of Object.entries(PROGRAMS)) {
    console.log(`\nexamples/tensorflowjs/${program}.mjs`);
    const present = DEVICES[program].filter((device) => devices.includes(device));
    const times = new Map(present.map((device) => [device, []]));
    const losses = new Map();
    for (let round = 0; round < rounds; round += 1) {
      for (const device of present) {
        const file = join(repository, "examples", "tensorflowjs", `${program}.mjs`);
        const one = await measure(process.execPath, [file, device, amount, projectDirectory], budget);
        if (one.reason) {
          console.log(`  ${device}: ${one.reason}`);
          continue;
        }
        times.get(device).push(one[field]);
        losses.set(device, one.losses);
      }
    }
    for (const [device, values] of times) {
      if (values.length === 0) continue;
      const timeMs = median(values);
      const reference = losses.get("tensorflow") ?? losses.get("engine");
      const worst = Math.max(
        ...losses
          .get(device)
          .slice(0, comparedSteps)
          .map((loss, i) => Math.abs(loss - reference[i]) / reference[i]),
      );
      results.push({ program, device, timeMs, lossDifference: worst });
      console.log(
        `  ${device.padEnd(12)} ${timeMs.toFixed(2).padStart(8)} ms a step; the losses of the first ${comparedSteps} steps differ by ${worst.toExponential(1)} at most`,
      );
    }
  }
  return results;
}
