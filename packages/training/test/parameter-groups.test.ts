import { matchesPattern } from "../src/optimizers/parameter-groups.ts";

test.each<[string, string, boolean]>([
  ["lm_head.weight", "lm_head.weight", true],
  ["lm_head.weight", "lm_head.weights", false],
  ["lm_head", "lm_head.weight", false],
  ["*", "anything.at.all", true],
  ["*.bias", "up.bias", true],
  ["*.bias", "bias", false],
  ["model.layers.*", "model.layers.0.mlp.up_proj.weight", true],
  ["model.layers.*.mlp.*", "model.layers.11.mlp.up_proj.weight", true],
  ["model.layers.*.mlp.*", "model.layers.11.self_attn.q_proj.weight", false],
  ["a*a", "a", false],
  ["a*b*b", "ab", false],
  ["a*b*b", "abb", true],
  ["a.c", "abc", false], // a dot is a dot
])("pattern %s on %s: %s", (pattern, name, expected) => {
  expect(matchesPattern(pattern, name)).toBe(expected);
});
