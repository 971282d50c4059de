import "./loopback-only.cjs";
import { TestEnvironment as NodeEnvironment } from "jest-environment-node";

/**
 * Jest gives every test file a global object of its own. Native addons and TensorFlow.js hand out the typed arrays of
 * the main one, so `instanceof Float32Array` would be false across that border; sharing the constructors mends it.
 */
// biome-ignore lint/style/noDefaultExport: Jest takes the environment from the default export.
export default class Environment extends NodeEnvironment {
  constructor(config, context) {
    super(config, context);
    for (const name of [
      "ArrayBuffer",
      "SharedArrayBuffer",
      "DataView",
      "Uint8Array",
      "Int8Array",
      "Uint8ClampedArray",
      "Uint16Array",
      "Int16Array",
      "Uint32Array",
      "Int32Array",
      "BigInt64Array",
      "BigUint64Array",
      "Float32Array",
      "Float64Array",
      "Error",
      "TypeError",
      "RangeError",
      "SyntaxError",
    ]) {
      this.global[name] = globalThis[name];
    }
  }
}
