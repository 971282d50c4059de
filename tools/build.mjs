/** `npm run build`: everything that a clone needs to run, the native engine included. */
import { run, setup } from "./setup.mjs";

await run(() => setup({ requiresNative: true }));
