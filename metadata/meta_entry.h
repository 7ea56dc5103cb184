// MetaEntry: what timestamp says of snapshot, and snapshot of each targets role: the version, and if listed the length
// and the digests of the file. Hashes: the digests that we understand of those listed.
#pragma once

#include <tenon/metadata/envelope.h>
#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/version.h>

#include <cstdint>
#include <optional>

namespace tenon::metadata {

// Hashes holds the digests that are listed; all that we know must match. With none that we know nothing matches: what
// they are listed for cannot be used, and its neighbours can.
// Spec: 4.5
struct Hashes {
  std::optional<Sha256> sha256;
  std::optional<Sha512> sha512;
  json::Object extra = {};  // algorithms we do not know

  // read Errors: E_PARSE for an empty object or a digest of the wrong form.
  static Result<Hashes> read(json::Fields fields);
  json::Value to_json() const;

  bool any_known() const { return sha256 || sha512; }
  // match Pre: the file was digested with all that is listed; what is missing does not match.
  bool match(const FileIdentity& file) const;
  // preferred is the digest that consistent snapshots put into file names: sha256, else sha512. Pre: any_known().
  std::string preferred() const { return sha256 ? sha256->hex() : sha512->hex(); }
  bool operator==(const Hashes&) const = default;
};

struct MetaEntry {
  Version version = Version::first();
  std::optional<std::uint64_t> length = {};  // bytes
  std::optional<Hashes> hashes = {};
  json::Object extra = {};

  // read Errors: E_PARSE
  // Spec: 4.4
  static Result<MetaEntry> read(json::Fields fields);
  json::Value to_json() const;

  // identify digests a file with what this entry lists; check_file compares it, as far as listed.
  // Spec: 5.5.2
  // Errors: E_MISMATCH
  FileIdentity identify(ByteView file) const;
  Result<void> check_file(const FileIdentity& file) const;
  bool operator==(const MetaEntry&) const = default;
};

// read_length reads a length in bytes, 0 and up. Errors: E_PARSE.
Result<std::uint64_t> read_length(json::Fields& fields);

}  // namespace tenon::metadata
