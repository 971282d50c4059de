/** Messages of sessions: words with the frequencies of a language (Zipf), some numbers and paths, 20 to 250 characters. */
const COMMON =
  "the of to and a in is it you that for on are with as be this have from or one had by but not what all were when we there can an your which their said if do will each about how up out them then she many some so these would other into has more her two like him see time could no make than first been its who now people my made over did down only way find use may water long little very after words called just where most know";
const FIELD =
  "loss step batch model tokens checkpoint gradient learning rate epoch validation error disk memory optimizer layer attention dataset shard tokenizer vocabulary sample prompt reply tool call result file run seed config schedule warmup perplexity throughput device kernel cache";

export function eventTexts(count, seed) {
  const random = stream(seed);
  const words = [...COMMON.split(" "), ...FIELD.split(" ")];
  while (words.length < 20_000) words.push(syllables(random));
  return Array.from({ length: count }, () => {
    const length = 4 + Math.floor(random() * 36);
    const parts = [];
    for (let n = 0; n < length; n++) {
      const dice = random();
      if (dice < 0.03) parts.push(String(Math.floor(random() * 1e6)));
      else if (dice < 0.04) parts.push(`runs/${syllables(random)}/metrics.ndjson`);
      else parts.push(words[Math.floor(words.length ** random()) - 1]);
    }
    return parts.join(" ");
  });
}

function syllables(random) {
  let word = "";
  for (let n = 1 + Math.floor(random() * 4); n > 0; n--) {
    word += "bcdfghjklmnpqrstvwz"[Math.floor(random() * 19)] + "aeiou"[Math.floor(random() * 5)];
  }
  return word;
}

function stream(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}
