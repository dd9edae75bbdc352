// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace transom::bench {

/// What Transom is for, in one measurement: a 7B model in 3 bits reads 32,768 tokens through a window of 2048
/// in a little memory, and goes on at the speed of that memory. Prints the figures beside their bounds.
/// @param prompt Tokens; fewer are quicker and say so. @param threads 0 = every core.
void print_headline(int prompt, int threads);

}  // namespace transom::bench
