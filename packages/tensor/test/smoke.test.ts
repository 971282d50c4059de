import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-wasm";
test("wasm", async () => {
  await tf.setBackend("wasm"); await tf.ready();
  const a = tf.tensor2d(new Float32Array([1,2,3,4]),[2,2]);
  expect(Array.from(await tf.matMul(a,a).data())).toEqual([7,10,15,22]);
  
});
