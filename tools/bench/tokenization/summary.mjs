/** What the rounds of a measurement come to. */

/** @returns in the order of `runs`: `{ implementation, row?, note?, same?, seconds? }` */
export function summarize(request, runs) {
  const { task, corpus, tokenizer, threads, vocabSize } = request;
  const training = task.startsWith("train-");
  const first = Object.values(runs).find((all) => all.length > 0 && all[0].failure === undefined)?.[0];
  return Object.entries(runs).map(([implementation, all]) => {
    const failure = all.find((run) => run.failure !== undefined)?.failure;
    if (failure !== undefined) return { implementation, note: failure };
    const seconds = all.map((run) => (training ? run.seconds : sum(run.chunks.map((chunk) => chunk.seconds))));
    const bytes = all.map((run) => (training ? request.bytes : sum(run.chunks.map((chunk) => chunk.bytes))));
    const same = all.every((run) => (training ? sameVocabulary(run, first) : sameIds(run, first)));
    return {
      implementation,
      same,
      seconds: median(seconds),
      ...(same ? {} : { note: training ? "another vocabulary" : "other ids" }),
      row: {
        task,
        corpus,
        tokenizer: training ? `${tokenizer}-${vocabSize}` : tokenizer,
        implementation,
        threads: implementation === "codex-typescript" ? 1 : threads,
        megabytesPerSecond: median(seconds.map((one, round) => bytes[round] / 1e6 / one)),
        peakMemoryBytes: median(all.map((run) => run.peakMemoryBytes)),
      },
    };
  });
}

/** As far as both came: the slower one had time for fewer chunks. */
function sameIds(one, other) {
  return one.chunks.every(({ hash }, index) => index >= other.chunks.length || hash === other.chunks[index].hash);
}

/** Of Unigram vocabularies nobody says that they are equal: there tokens are counted. */
function sameVocabulary(one, other) {
  return one.hash === null || other.hash === null || one.hash === other.hash;
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
