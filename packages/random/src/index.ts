export { RandomError, type RandomErrorCode } from "./errors.ts";
export { createPermutation, type Permutation } from "./permutation.ts";
export { type PhiloxCounter, type PhiloxKey, philox4x32 } from "./philox.ts";
export { createStream, fillNormal, fillUniform, type RandomStream } from "./stream.ts";
