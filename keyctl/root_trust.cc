#include <tenon/keyctl/root_file.h>
#include <tenon/keyctl/root_trust.h>
#include <tenon/policies/rehearsal.h>

namespace tenon::keyctl {
namespace {

using metadata::Root;

Result<TrustedRoot> begin_with(Bytes file) {
  TENON_TRY(metadata::Authentic<Root> root, metadata::embedded_root(file));
  return TrustedRoot{std::move(root), std::move(file)};
}

Sha256 payload_of(const RootFile& file) {
  return Sha256::of(file.envelope.signed_bytes());
}

// The root that this person signed once, now complete.
Result<TrustedRoot> find_signed(const SignedMark& mark, const std::vector<std::string>& roots) {
  for (const std::string& text : roots) {
    TENON_TRY(const RootFile file, RootFile::parse(as_bytes(text)));
    if (payload_of(file) == mark.payload) return begin_with(to_bytes(text));
  }
  return Error{
      ErrorCode::kPolicy,
      "none of the roots in the request is root " + std::to_string(mark.version) + " as it was signed here",
      "ask for a request with all roots since then, or compare with the other signers: somebody may have signed "
      "another root of that version"};
}

Result<std::optional<TrustedRoot>> begin(const Memory& memory, const std::vector<std::string>& roots) {
  if (memory.root) {
    TENON_TRY(TrustedRoot trusted, begin_with(*memory.root).with_context("the root remembered here"));
    return std::optional(std::move(trusted));
  }
  if (roots.empty()) return std::optional<TrustedRoot>();
  const auto mark = memory.marks.find("root");
  if (mark == memory.marks.end()) {
    return Error{ErrorCode::kPolicy, "no root of this repository is trusted here yet",
                 "tenon-keyctl root trust N.root.json --repository NAME, and compare its words with another signer"};
  }
  TENON_TRY(TrustedRoot trusted, find_signed(mark->second, roots));
  return std::optional(std::move(trusted));
}

}  // namespace

Result<std::vector<TrustedRoot>> follow_roots(const Memory& memory, const std::vector<std::string>& roots) {
  TENON_TRY(std::optional<TrustedRoot> trusted, begin(memory, roots));
  std::vector<TrustedRoot> chain;
  if (!trusted) return chain;
  chain.push_back(*std::move(trusted));
  for (const std::string& text : roots) {
    TENON_TRY(const RootFile file, RootFile::parse(as_bytes(text)));
    const metadata::Version version = file.root.header.version;
    const metadata::Authentic<Root>& newest = chain.back().root;
    const metadata::Version known = newest->header.version;
    if (version == known && file.root != newest.value()) {
      return Error{ErrorCode::kMismatch,
                   "the request carries another root " + std::to_string(version.value()) + " than is trusted here",
                   "two roots of one version must never exist: sign nothing, and call the other signers"};
    }
    if (version <= known) continue;
    TENON_TRY(metadata::Authentic<Root> next, metadata::next_root(newest, as_bytes(text)));
    if (policies::is_rehearsal(next.value()) != policies::is_rehearsal(newest.value())) {
      return Error{
          ErrorCode::kPolicy,
          "root " + std::to_string(version.value()) + " says of rehearsals another thing than the root before it",
          "a rehearsal has a first root of its own: sign nothing, and call the other signers"};
    }
    chain.push_back(TrustedRoot{std::move(next), to_bytes(text)});
  }
  return chain;
}

}  // namespace tenon::keyctl
