// SPDX-License-Identifier: Apache-2.0
// What VNNI adds to vec_avx512-inl.h. Textual.

/// sum + the two products of 16-bit halves of each word, as linear_integer_policies-inl.h has it. (GCC 12
/// copies the sum before and after its own name for the instruction.)
inline WordVec add_products(WordVec sum, WordVec a, WordVec b) {
  asm("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
  return sum;
}
/// sum + the four products of an unsigned byte and a signed one of each word; asm as above.
inline WordVec add_byte_products(WordVec sum, WordVec of_unsigned, WordVec of_signed) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(of_unsigned), "v"(of_signed));
  return sum;
}
