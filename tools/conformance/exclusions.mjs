/**
 * Tests of TensorFlow.js core that the engine does not pass, by the beginning of their full names, each with the reason. One that passes, and one
 * that names no test, is an error: the list says what is so.
 */
export const exclusions = [];
