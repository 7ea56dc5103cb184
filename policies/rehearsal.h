// The mark of a rehearsal: a member of a root's signed part, so that everything that was signed under such a root can be
// told from what was meant, by whoever publishes and by people.
// Thread: any.
#pragma once

#include <tenon/metadata/root.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace tenon::policies {

inline constexpr std::string_view kRehearsalMark = "x-tenon-rehearsal";
inline constexpr std::int64_t kRehearsalSeconds = 86'400;  // so long may live what comes out of one

// mark_rehearsal marks a root; drafts of the next one keep the mark.
inline void mark_rehearsal(metadata::Root& root) {
  root.extra.set(std::string(kRehearsalMark), true);
}

// is_rehearsal is true whatever the mark says: only a root that says nothing was meant.
inline bool is_rehearsal(const metadata::Root& root) {
  return root.extra.find(kRehearsalMark) != nullptr;
}

}  // namespace tenon::policies
