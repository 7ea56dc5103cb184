#include <tenon/keyctl/root_verify.h>
#include <tenon/policies/rehearsal.h>

namespace tenon::keyctl {
namespace {

using metadata::Authentic;
using metadata::Root;

std::string version_of(const Root& root) {
  return "v" + std::to_string(root.header.version.value());
}

// The same decision as metadata's, with the names of those who can help.
Result<void> require_signatures(const RootFile& file, const Root& holder, const KeyNames& names) {
  const SignatureCount count = count_signatures(file.envelope, holder, names);
  if (count.met()) return {};
  return Error{ErrorCode::kSig,
               "root " + version_of(file.root) + " by the keys of root " + version_of(holder) + ": " + count.text(),
               "have the others sign the request, then tenon-keyctl response merge with all responses"};
}

Result<Authentic<Root>> follow(ByteView previous, const RootFile& file, ByteView bytes, const KeyNames& names) {
  TENON_TRY(const Authentic<Root> trusted, metadata::embedded_root(previous).with_context("previous root"));
  TENON_TRY_VOID(require_signatures(file, trusted.value(), names));
  TENON_TRY_VOID(require_signatures(file, file.root, names));
  return metadata::next_root(trusted, bytes);
}

Result<Authentic<Root>> stand_alone(const RootFile& file, ByteView bytes, const KeyNames& names) {
  TENON_TRY_VOID(require_signatures(file, file.root, names));
  return metadata::embedded_root(bytes);
}

}  // namespace

Result<Report> verify_root(ByteView bytes, std::optional<ByteView> previous, const KeyNames& names,
                           metadata::UtcTime now) {
  TENON_TRY(const RootFile file, RootFile::parse(bytes));
  TENON_TRY(const Authentic<Root> root,
            previous ? follow(*previous, file, bytes, names) : stand_alone(file, bytes, names));
  if (root->header.expires <= now) {
    return Error{ErrorCode::kExpired, "root " + version_of(root.value()) + " expired at " +
                                          root->header.expires.text() + ", now is " + now.text()};
  }
  Report report = describe(file, names, now);
  report.text += previous ? "verified: follows the previous root\n" : "verified: by its own keys\n";
  if (policies::is_rehearsal(root.value())) report.text += "REHEARSAL: not for devices\n";
  report.data.set("sha256", root.identity().sha256.hex());
  report.data.set("verified", true);
  return report;
}

}  // namespace tenon::keyctl
