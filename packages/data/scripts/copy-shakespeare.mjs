/** Puts the data set `shakespeare` into `dist`, so that the published package has it; the repository keeps one copy. */
import { copyFileSync } from "node:fs";

const source = new URL("../../../examples/data/tinyshakespeare/input.txt", import.meta.url);
copyFileSync(source, new URL("../dist/tinyshakespeare.txt", import.meta.url));
