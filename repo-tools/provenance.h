// Provenance: an in-toto statement of how images were made, alone or in an envelope. What it claims is for people and
// their tools; that it speaks of these images and no others is checked here.
#pragma once

#include <tenon/policies/release.h>

#include <span>

namespace tenon::repo_tools {

// check_provenance reads a statement, plain, in a DSSE envelope or in a Sigstore bundle. Signatures in the envelope are
// not verified: release managers sign the release that names the file.
// Source: in-toto Statement v1, "subject"
// Errors: E_PARSE for what is no statement, or has a number with a fraction; E_MISMATCH when it does not name the sha256
// of every image.
Result<void> check_provenance(ByteView file, std::span<const policies::Image> images);

}  // namespace tenon::repo_tools
