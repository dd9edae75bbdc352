// SPDX-License-Identifier: Apache-2.0
// Functions over the vectors of a vec header. Textual.

constexpr float kLog2E = 1.44269504f;

/// exp(x) to about 2 units in the last place. x is held in [-87.3, 88.3], where the result is a normal
/// number; NaN stays. Source: Cephes expf (Moshier): x = n ln 2 + r, |r| <= ln 2 / 2, polynomial of degree 5
/// for the rest.
inline FloatVec exp_f32(FloatVec x) {
  x = smaller(set_f32(88.3f), larger(set_f32(-87.3f), x));
  const WordVec n = to_nearest(multiply(x, set_f32(kLog2E)));
  const FloatVec count = to_f32(n);
  FloatVec r = negated_multiply_add(count, set_f32(0.693359375f), x);
  r = negated_multiply_add(count, set_f32(-2.12194440e-4f), r);
  FloatVec rest = set_f32(1.9875691500e-4f);
  rest = multiply_add(rest, r, set_f32(1.3981999507e-3f));
  rest = multiply_add(rest, r, set_f32(8.3334519073e-3f));
  rest = multiply_add(rest, r, set_f32(4.1665795894e-2f));
  rest = multiply_add(rest, r, set_f32(1.6666665459e-1f));
  rest = multiply_add(rest, r, set_f32(5.0000001201e-1f));
  const FloatVec value = add_f32(multiply_add(multiply(rest, r), r, r), set_f32(1.0f));
  const FloatVec power = as_f32(shift_left_words(add_words(n, set_words(127)), 23));
  return multiply(value, power);
}

/// 2^x to about 2 units in the last place, for x from -126 to 126; NaN stays. Beyond that, infinities
/// included, the result means nothing. Source: Cephes exp2f (Moshier): x = n + r, |r| <= 1/2, polynomial of
/// degree 6 for 2^r.
inline FloatVec exp2_f32(FloatVec x) {
  const FloatVec shift = set_f32(0x1.8p23f);  // the unit in the last place of such sums is 1
  const FloatVec shifted = add_f32(x, shift), r = subtract(x, subtract(shifted, shift));
  FloatVec value = set_f32(1.535336188319500e-4f);
  value = multiply_add(value, r, set_f32(1.339887440266574e-3f));
  value = multiply_add(value, r, set_f32(9.618437357674640e-3f));
  value = multiply_add(value, r, set_f32(5.550332471162809e-2f));
  value = multiply_add(value, r, set_f32(2.402264791363012e-1f));
  value = multiply_add(value, r, set_f32(6.931472028550421e-1f));
  value = multiply_add(value, r, set_f32(1.0f));
  const FloatVec power = as_f32(shift_left_words(add_words(as_words(shifted), set_words(127)), 23));
  return multiply(value, power);
}

/// tanh(x), absolute error below 2e-7. The clamp of exp makes it +-1 far out.
inline FloatVec tanh_f32(FloatVec x) {
  const FloatVec power = exp_f32(add_f32(x, x));
  return subtract(set_f32(1.0f), divide(set_f32(2.0f), add_f32(power, set_f32(1.0f))));
}

/// To bf16, nearest even, in the lower halves of the words; a NaN stays a quiet NaN.
inline WordVec round_bf16(FloatVec v) {
  const WordVec bits = as_words(v), upper = shift_right_words(bits, 16);
  const WordVec odd = and_words(upper, set_words(1));
  const WordVec rounded = shift_right_words(add_words(bits, add_words(odd, set_words(0x7fffu))), 16);
  return select_nan(v, or_words(upper, set_words(0x40u)), rounded);
}
