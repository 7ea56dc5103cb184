// RootFile: a root as it lies in a file, well-formed and not trusted: what a ceremony works on. Read once; what is
// shown, what is signed and what is written all come from the one envelope.
// Thread: immutable.
#pragma once

#include <tenon/keyctl/key_names.h>
#include <tenon/keyctl/report.h>
#include <tenon/metadata/authentic.h>

#include <cstdint>
#include <string>
#include <vector>

namespace tenon::keyctl {

struct RootFile {
  metadata::Envelope envelope;
  metadata::Root root;

  // parse Errors: E_PARSE, E_LIMIT
  static Result<RootFile> parse(ByteView file);
};

// SignatureCount is how far the root keys of some root have signed an envelope.
struct SignatureCount {
  std::uint64_t votes = 0;                // distinct keys with a valid signature
  std::uint64_t needed = 0;               // the threshold
  std::vector<std::string> missing = {};  // labels of usable keys that have not signed

  bool met() const { return votes >= needed; }
  // text says it in one line: "signed by 1 of the root keys, 2 must: missing bob (1234abcd) or carol (5678abcd)".
  std::string text() const;
};

// count_signatures holder is the root whose root keys count: the file's own, or the one before it.
SignatureCount count_signatures(const metadata::Envelope& envelope, const metadata::Root& holder,
                                const KeyNames& names);

// describe says everything that is in the file in plain words, and as data: version, expiry, who may sign what, who has
// signed, what is missing, members that we do not know, and the digest of what is signed.
Report describe(const RootFile& file, const KeyNames& names, metadata::UtcTime now);

}  // namespace tenon::keyctl
