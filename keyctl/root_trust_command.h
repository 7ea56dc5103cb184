// tenon-keyctl root trust: the one way in which a root becomes trusted without a signature of this person: by comparing.
// Thread: one.
#pragma once

#include <tenon/keyctl/home.h>
#include <tenon/keyctl/request_sign.h>

#include <optional>

namespace tenon::keyctl {

struct TrustOptions {
  policies::Label repository;
  KeyNames names = {};
};

// trust_root remembers a complete root. One that follows the remembered root needs nobody; a first one is shown with twelve
// words, and a person confirms that they are what another signer reads out.
// Errors: E_SIG, E_PARSE, E_ROLLBACK for the root; E_MISMATCH for another root of a version that is trusted; E_AUTH when
// it was not confirmed.
Result<Report> trust_root(Home& home, ByteView file, const TrustOptions& options, const Confirm& confirm,
                          metadata::UtcTime now);

}  // namespace tenon::keyctl
