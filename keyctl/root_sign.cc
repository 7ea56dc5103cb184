#include <tenon/hsm/file_io.h>
#include <tenon/hsm/open_signer.h>
#include <tenon/keyctl/root_sign.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>

namespace tenon::keyctl {
namespace {

using metadata::Envelope;
using metadata::Root;
using metadata::TopRole;

struct Job {
  std::filesystem::path private_key;
  const hsm::SecretSource* passphrase;
};

bool has_signed(const RootFile& file, const metadata::PublicKey& key) {
  const metadata::Tally count = metadata::tally(file.envelope, file.root.keys, file.root.role(TopRole::kRoot));
  return key.material() && count.votes.contains(*key.material());
}

Result<Bytes> read_root(const std::filesystem::path& path) {
  return hsm::read_file(path, metadata::Limits().root_bytes);
}

// The keys that have yet to sign. Judged by the public halves, before anyone types a passphrase.
Result<std::vector<Job>> plan(const SignOptions& options, const RootFile& file, KeyNames& names) {
  if (options.passphrases.size() != 1 && options.passphrases.size() != options.keys.size()) {
    return Error{ErrorCode::kUsage,
                 std::to_string(options.passphrases.size()) + " times --passphrase-from for " +
                     std::to_string(options.keys.size()) + " keys",
                 "give it once for all keys, or once for each"};
  }
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < options.keys.size(); ++i) {
    TENON_TRY(const std::optional<hsm::KeyFile> known, hsm::read_public_half(options.keys[i].native()));
    if (known) {
      TENON_TRY_VOID(find_root_key(file.root, known->key).with_context(printable(options.keys[i].native())));
      names.add(*known);
      if (has_signed(file, known->key)) continue;
    }
    jobs.push_back({options.keys[i], &options.passphrases[options.passphrases.size() == 1 ? 0 : i]});
  }
  return jobs;
}

Result<RootFile> sign_all(RootFile file, const std::vector<Job>& jobs, const hsm::TokenOptions& token) {
  for (const Job& job : jobs) {
    TENON_TRY(const std::unique_ptr<hsm::Signer> signer,
              hsm::open_signer(job.private_key.native(), {*job.passphrase, token}));
    TENON_TRY(file.envelope, sign_root(file, *signer).with_context(printable(job.private_key.native())));
  }
  return file;
}

Result<void> write_back(const std::filesystem::path& path, const Bytes& as_read, const Envelope& envelope) {
  TENON_TRY(const Bytes now_there, read_root(path));
  if (now_there != as_read) {
    return Error{ErrorCode::kBusy, printable(path.native()) + ": changed since it was read",
                 "look at it and sign again"};
  }
  return hsm::replace_file(path, as_bytes(envelope.to_text()), hsm::FileMode::kPublic);
}

}  // namespace

Result<ListedKey> find_root_key(const Root& root, const metadata::PublicKey& key) {
  for (const metadata::KeyId& keyid : root.role(TopRole::kRoot).keyids) {
    const auto listed = root.keys.find(keyid);
    if (listed != root.keys.end() && key.material() && listed->second.material() == key.material()) {
      return ListedKey{keyid, listed->second};
    }
  }
  return Error{ErrorCode::kPolicy, "key " + key.hash_keyid().brief() + " is not a root key of root version " +
                                       std::to_string(root.header.version.value())};
}

Result<Envelope> sign_root(const RootFile& file, hsm::Signer& signer) {
  TENON_TRY(const ListedKey listed, find_root_key(file.root, signer.public_key()));
  if (has_signed(file, listed.key)) return file.envelope;
  return hsm::add_signature(file.envelope, listed.keyid, listed.key, signer);
}

Result<Report> sign_root_file(const SignOptions& options, const Confirm& confirm, metadata::UtcTime now) {
  const std::string path = printable(options.file.native());
  TENON_TRY(const Bytes as_read, read_root(options.file));
  TENON_TRY(RootFile file, RootFile::parse(as_read).with_context(path));
  KeyNames names = options.names;
  TENON_TRY(const std::vector<Job> jobs, plan(options, file, names));
  if (jobs.empty()) {
    Report report = describe(file, names, now);
    report.text += "signed already; nothing to do\n";
    return report;
  }
  const std::string words = "root " + std::to_string(file.root.header.version.value());
  TENON_TRY_VOID(confirm(describe(file, names, now).text, words));
  TENON_TRY(file, sign_all(std::move(file), jobs, options.token));
  TENON_TRY_VOID(write_back(options.file, as_read, file.envelope));
  Report report = describe(file, names, now);
  report.text += "written to " + path + "\n";
  return report;
}

}  // namespace tenon::keyctl
