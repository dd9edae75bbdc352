// SPDX-License-Identifier: Apache-2.0
/// Truncations of a distribution, each as transformers' warper of that name defines it. `keep`: so many of
/// the best candidates always remain. Candidates change their order.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "generation/sampling/truncation.h"

namespace transom::generation {

/// The smallest set of best candidates whose probability reaches `mass`, the crossing one included.
void keep_top_p(std::vector<Candidate>& candidates, float mass, std::size_t keep);
/// Those at least `share` as probable as the best.
void keep_min_p(std::vector<Candidate>& candidates, float share, std::size_t keep);
/// Meister et al. 2022: those whose information is nearest to the entropy, until their probability reaches
/// `mass`.
void keep_typical(std::vector<Candidate>& candidates, float mass, std::size_t keep);
/// Hewitt et al. 2022: those at least this probable.
void keep_above_epsilon(std::vector<Candidate>& candidates, float epsilon, std::size_t keep);
/// Hewitt et al. 2022: bound min(epsilon, sqrt(epsilon) * exp(-entropy)).
void keep_above_eta(std::vector<Candidate>& candidates, float epsilon, std::size_t keep);
/// XTC: of the candidates at least `threshold` probable (before temperature) only the least probable remains.
void exclude_top_choices(std::vector<Candidate>& candidates, float threshold, std::size_t keep);

/// The logit down to which top-h keeps tokens: best first while their entropy terms add up to at most `share`
/// of the entropy. As in transformers, only the 100 best tokens count.
float top_h_threshold(std::span<const float> logits, float temperature, float share);

}  // namespace transom::generation
