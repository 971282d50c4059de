import { type DropoutAttributes, dropout } from "@codex/tensor";
import type { Tensor } from "@tensorflow/tfjs-core";
import { ModelError } from "../errors.ts";
import type { LossContext } from "../language-model.ts";

/** A site's mask begins at this multiple of its number in the key's stream: no tensor here has as many elements, so masks never overlap. */
const SITE_STRIDE = 2 ** 32;

/** Where dropout happens in one forward pass. Sites are numbered by the model, so that a mask is a function of key and place alone. */
export interface DropoutSites {
  /** Attributes for an op that drops inside (attention); undefined when nothing is dropped. */
  attributes(site: number, rate: number): DropoutAttributes | undefined;
  /** Drops elements of `x` and scales the rest by 1 / (1 - rate), or returns `x` itself. */
  apply<T extends Tensor>(x: T, site: number, rate: number): T;
}

/** Dropout of a forward pass: off unless `context.training`. */
export function createDropoutSites(context: LossContext): DropoutSites {
  const attributes = (site: number, rate: number): DropoutAttributes | undefined => {
    if (!context.training || rate === 0) return undefined;
    if (context.dropoutKey === undefined) {
      throw new ModelError(
        "MODEL_DROPOUT_KEY_MISSING",
        `dropout of ${rate} needs context.dropoutKey when context.training is true, got none`,
        {
          help: "Give a key that depends on seed and step, or set the dropout rates of the model to 0.",
        },
      );
    }
    return { rate, key: context.dropoutKey, offset: site * SITE_STRIDE };
  };
  return {
    attributes,
    apply(x, site, rate) {
      const found = attributes(site, rate);
      return found === undefined ? x : (dropout(x, found) as typeof x);
    },
  };
}

/** The sites of a pass that does not train. */
export const NO_DROPOUT: DropoutSites = createDropoutSites({ training: false });
