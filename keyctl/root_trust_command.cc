#include <tenon/keyctl/root_file.h>
#include <tenon/keyctl/root_trust.h>
#include <tenon/keyctl/root_trust_command.h>
#include <tenon/policies/rehearsal.h>
#include <tenon/policies/safety_code.h>

namespace tenon::keyctl {
namespace {

// What two people compare who hold the same root.
std::string words_of(const RootFile& root) {
  const Sha256 payload = Sha256::of(root.envelope.signed_bytes());
  return policies::SafetyCode::of({&payload, 1}, Sha256()).line();
}

Result<TrustedRoot> confirmed_by_person(ByteView file, const RootFile& parsed, const TrustOptions& options,
                                        const Confirm& confirm, metadata::UtcTime now) {
  TENON_TRY(metadata::Authentic<metadata::Root> root, metadata::embedded_root(file));
  const std::string summary =
      describe(parsed, options.names, now).text +
      "this root becomes the one that everything else is judged by.\n"
      "Have another signer run the same command, and compare the words of this root by voice:\n\n    " +
      words_of(parsed) + "\n";
  const std::string words = options.repository.text() + " root " + std::to_string(parsed.root.header.version.value());
  TENON_TRY_VOID(confirm({"trust", summary, words}));
  return TrustedRoot{std::move(root), Bytes(file.begin(), file.end())};
}

}  // namespace

Result<Report> trust_root(Home& home, ByteView file, const TrustOptions& options, const Confirm& confirm,
                          metadata::UtcTime now) {
  TENON_TRY(const RootFile parsed, RootFile::parse(file));
  const Subject subject{options.repository, policies::is_rehearsal(parsed.root)};
  TENON_TRY(Memory memory, home.recall(subject));
  std::optional<TrustedRoot> trusted;
  if (memory.root || memory.marks.contains("root")) {
    TENON_TRY(std::vector<TrustedRoot> chain, follow_roots(memory, {std::string(as_text(file))}));
    trusted = std::move(chain.back());
    if (parsed.root.header.version < trusted->root->header.version) {  // older ones are not even looked at
      return Error{ErrorCode::kRollback, "root version " + std::to_string(parsed.root.header.version.value()) +
                                             " < trusted here, " +
                                             std::to_string(trusted->root->header.version.value())};
    }
  } else {
    TENON_TRY(trusted, confirmed_by_person(file, parsed, options, confirm, now));
  }
  memory.root = trusted->file;
  TENON_TRY_VOID(home.remember(subject, memory));
  const std::int64_t version = trusted->root->header.version.value();
  json::Object data;
  data.set("repository", options.repository.text());
  data.set("version", version);
  data.set("sha256", trusted->root.identity().sha256.hex());
  TENON_TRY_VOID(home.audit().append("trusted", data, now));
  data.set("words", words_of(parsed));
  return Report{"root version " + std::to_string(version) + " of " + options.repository.text() +
                    " is trusted here; the twelve words of this root are\n\n    " + words_of(parsed) + "\n",
                std::move(data)};
}

}  // namespace tenon::keyctl
