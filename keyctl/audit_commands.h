// tenon-keyctl audit verify and audit show.
// Thread: one.
#pragma once

#include <tenon/keyctl/home.h>
#include <tenon/keyctl/report.h>

#include <cstddef>

namespace tenon::keyctl {

// verify_audit checks the chain. Errors: E_MISMATCH, naming the line where it breaks; E_STORAGE.
Result<Report> verify_audit(Home& home);

// show_audit gives the last entries, oldest first. Errors: those of verify_audit.
Result<Report> show_audit(Home& home, std::size_t last);

}  // namespace tenon::keyctl
