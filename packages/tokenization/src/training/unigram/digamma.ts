/** Derivative of the logarithm of the gamma function, for x above 0: shifted to where the asymptotic series holds (Abramowitz and Stegun 6.3.18). */
export function digamma(x: number): number {
  let shift = 0;
  let at = x;
  for (; at < 7; at++) shift -= 1 / at;
  at -= 0.5;
  const inverse = 1 / at;
  const square = inverse * inverse;
  const fourth = square * square;
  return (
    shift +
    Math.log(at) +
    (1 / 24) * square -
    (7 / 960) * fourth +
    (31 / 8064) * fourth * square -
    (127 / 30720) * fourth * fourth
  );
}
