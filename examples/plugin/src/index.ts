export { createDistinctNgrams, DistinctNgramsOptions, distinctNgrams } from "./distinct-ngrams.ts";
export { NeuralNgramOptions, neuralNgram } from "./neural-ngram.ts";
export { createNeuralNgram, type NeuralNgramConfig } from "./neural-ngram-model.ts";
