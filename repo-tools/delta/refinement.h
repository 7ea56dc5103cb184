// refine_resemblances: of the alignments that were found near a byte, the one that makes the smallest delta.
// A search for matches knows nothing of prices: it breaks new content up into copies of a few bytes, each of which costs
// more to name than it saves. Here every byte has its price, and the cheapest way through them is found (Viterbi's algorithm).
// Thread: any.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/repo_tools/delta/resemblance.h>

#include <cstdint>
#include <vector>

namespace tenon::repo_tools {

// refine_resemblances gives stretches in order, not overlapping, with the alignments of those that it is given, which are so
// too. literal_price: of a byte that resembles nothing. Units: 1/16 bit. Time: linear in the text.
std::vector<Resemblance> refine_resemblances(ByteView base, ByteView text, const std::vector<Resemblance>& found,
                                             std::int32_t literal_price);

}  // namespace tenon::repo_tools
