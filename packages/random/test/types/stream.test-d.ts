import { createPermutation, createStream, type Permutation, type RandomStream } from "@codex/random";
import { expectTypeOf } from "expect-type";

expectTypeOf(createStream(1, "init")).toEqualTypeOf<RandomStream>();
expectTypeOf(createPermutation(1, createStream(1, "data"))).toEqualTypeOf<Permutation>();
// Streams have no state, so nobody can change one.
expectTypeOf<RandomStream["key"]>().toEqualTypeOf<readonly [number, number]>();
