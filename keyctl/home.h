// Home: the folder in which one person's tool remembers: which root it trusts, which policy is in force, what it has
// signed, and the audit log. What a request says is judged by this, never by the request.
//
//   HOME/audit.log
//   HOME/repositories/REPOSITORY/root.json     the newest complete root that was verified
//   HOME/repositories/REPOSITORY/policy.json   the newest policy that was verified
//   HOME/repositories/REPOSITORY/signed.json   for each role the highest version signed, and the digest of what was signed
//   HOME/rehearsals/REPOSITORY/                the same of the last rehearsal
//
// Thread: one; a second process is told that it is busy.
#pragma once

#include <tenon/hsm/file_descriptor.h>
#include <tenon/keyctl/audit_log.h>
#include <tenon/metadata/bytes.h>
#include <tenon/policies/label.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace tenon::keyctl {

// SignedMark is the newest of a role that this person has signed.
struct SignedMark {
  std::int64_t version = 0;
  Sha256 payload;  // of the signed part
  bool operator==(const SignedMark&) const = default;
};

// Memory is what is known of one repository.
struct Memory {
  std::optional<Bytes> root = {};
  std::optional<Bytes> policy = {};
  std::map<std::string, SignedMark> marks = {};  // by role
  bool operator==(const Memory&) const = default;
};

// Subject is what is remembered: a repository, or its rehearsal, of which the repository knows nothing.
struct Subject {
  Subject(policies::Label name, bool is_rehearsal = false) : repository(std::move(name)), rehearsal(is_rehearsal) {}
  policies::Label repository;
  bool rehearsal;
};

class Home {
 public:
  // open makes the folder (0700) if it is not there. Errors: E_AUTH for a folder that others can write to; E_BUSY if
  // another process uses it; E_STORAGE.
  static Result<Home> open(const std::filesystem::path& folder);

  AuditLog& audit() { return audit_; }
  // read_log reads the audit log. Errors: those of AuditLog::read; E_MISMATCH for a log that is gone although something was
  // signed here.
  Result<AuditState> read_log() const;

  // recall gives what is known of a subject; nothing for one that is new here. Errors: E_PARSE, E_STORAGE.
  Result<Memory> recall(const Subject& subject) const;
  // remember writes what changed. Errors: E_STORAGE.
  Result<void> remember(const Subject& subject, const Memory& memory);

 private:
  Home(std::filesystem::path folder, hsm::FileDescriptor lock)
      : folder_(std::move(folder)), lock_(std::move(lock)), audit_(folder_ / "audit.log") {}

  std::filesystem::path folder_of(const Subject& subject) const {
    return folder_ / (subject.rehearsal ? kRehearsals : kRepositories) / subject.repository.text();
  }
  static constexpr const char* kRepositories = "repositories";
  static constexpr const char* kRehearsals = "rehearsals";

  std::filesystem::path folder_;
  hsm::FileDescriptor lock_;
  AuditLog audit_;
};

}  // namespace tenon::keyctl
