import { CompensatedSum } from "./compensated-sum.ts";
import { MetricsError } from "./errors.ts";
import { IGNORE_INDEX, type MetricResult, type TokenBatch, type TokenMetric } from "./metric.ts";

/** Mean negative log likelihood per target token, in nats. `n`: targets. */
export function createLoss(): TokenMetric {
  return lossMetric("loss", (nats, targets) => ({ value: nats / targets, n: targets }));
}

/** `exp` of the mean negative log likelihood per target token. `n`: targets. */
export function createPerplexity(): TokenMetric {
  return lossMetric("perplexity", (nats, targets) => ({ value: Math.exp(nats / targets), n: targets }));
}

/**
 * Negative log likelihood in bits per byte of the text that the targets stand for: comparable between tokenizers, which
 * a loss per token is not. `n`: bytes. Targets without bytes (the end of a text) count with their loss.
 */
export function createBitsPerByte(): TokenMetric {
  let bytes = 0;
  return lossMetric(
    "bits_per_byte",
    (nats) => {
      if (bytes === 0) throw empty("bits_per_byte", "bytes");
      return { value: nats / Math.LN2 / bytes, n: bytes };
    },
    ({ byteCount }) => {
      if (byteCount === undefined) throw missing("bits_per_byte", "byteCount");
      if (!Number.isSafeInteger(byteCount) || byteCount < 0) {
        throw new MetricsError(
          "METRICS_VALUE_INVALID",
          `bits_per_byte: byteCount: expected an integer from 0, got ${byteCount}`,
        );
      }
      bytes += byteCount;
    },
  );
}

/** Share of targets that the model found most likely. `n`: targets. */
export function createTokenAccuracy(): TokenMetric {
  const name = "token_accuracy";
  let correct = 0;
  let n = 0;
  return {
    name,
    kind: "token",
    update({ targets, predictions }) {
      if (predictions === undefined) throw missing(name, "predictions");
      sameLength(name, targets, "predictions", predictions);
      for (let i = 0; i < targets.length; i++) {
        if (targets[i] === IGNORE_INDEX) continue;
        n++;
        if (targets[i] === predictions[i]) correct++;
      }
    },
    result() {
      if (n === 0) throw empty(name, "targets");
      return { value: correct / n, n };
    },
  };
}

/** What is made of the summed loss. @param also - reads what else a batch has */
function lossMetric(
  name: string,
  toResult: (nats: number, targets: number) => MetricResult,
  also: (batch: TokenBatch) => void = () => {},
): TokenMetric {
  const nats = new CompensatedSum();
  let n = 0;
  return {
    name,
    kind: "token",
    update(batch) {
      const { targets, losses } = batch;
      if (losses === undefined) throw missing(name, "losses");
      sameLength(name, targets, "losses", losses);
      also(batch);
      for (let i = 0; i < targets.length; i++) {
        if (targets[i] === IGNORE_INDEX) continue;
        const loss = losses[i]!;
        if (!Number.isFinite(loss)) {
          throw new MetricsError(
            "METRICS_VALUE_INVALID",
            `${name}: losses[${i}]: expected a finite number, got ${loss}`,
          );
        }
        nats.add(loss);
        n++;
      }
    },
    result() {
      if (n === 0) throw empty(name, "targets");
      const result = toResult(nats.value, n);
      if (Number.isFinite(result.value)) return result;
      throw new MetricsError(
        "METRICS_NOT_FINITE",
        `${name}: expected a finite value, got ${result.value} over ${result.n}`,
      );
    },
  };
}

function sameLength(name: string, targets: ArrayLike<number>, field: string, values: ArrayLike<number>): void {
  if (values.length === targets.length) return;
  throw new MetricsError(
    "METRICS_LENGTH_MISMATCH",
    `${name}: ${field}: expected one per target, ${targets.length}, got ${values.length}`,
  );
}

function missing(name: string, field: string): MetricsError {
  return new MetricsError("METRICS_INPUT_MISSING", `${name}: expected a batch with ${field}, got one without`);
}

export function empty(name: string, what: string): MetricsError {
  return new MetricsError("METRICS_EMPTY", `${name}: expected some ${what}, got none`, {
    help: "Is the split or the file empty? A metric of nothing has no value.",
  });
}
