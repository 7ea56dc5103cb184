#include <tenon/metadata/meta_entry.h>

namespace tenon::metadata {

Result<std::uint64_t> read_length(json::Fields& fields) {
  TENON_TRY(const std::int64_t length, fields.integer("length"));
  if (length < 0) return fields.error("length " + std::to_string(length) + " is negative");
  return static_cast<std::uint64_t>(length);
}

Result<Hashes> Hashes::read(json::Fields fields) {
  Hashes hashes;
  if (fields.optional("sha256") != nullptr) {
    TENON_TRY(const std::string_view hex, fields.text("sha256"));
    TENON_TRY(hashes.sha256, fields.located(Sha256::parse(hex)));
  }
  if (fields.optional("sha512") != nullptr) {
    TENON_TRY(const std::string_view hex, fields.text("sha512"));
    TENON_TRY(hashes.sha512, fields.located(Sha512::parse(hex)));
  }
  hashes.extra = fields.rest();
  if (!hashes.any_known() && hashes.extra.empty()) return fields.error("lists no digest");
  return hashes;
}

json::Value Hashes::to_json() const {
  json::Object object = extra;
  if (sha256) object.set("sha256", sha256->hex());
  if (sha512) object.set("sha512", sha512->hex());
  return object;
}

bool Hashes::match(const FileIdentity& file) const {
  return any_known() && (!sha256 || *sha256 == file.sha256) && (!sha512 || *sha512 == file.sha512);
}

Result<MetaEntry> MetaEntry::read(json::Fields fields) {
  MetaEntry entry;
  TENON_TRY(const std::int64_t version, fields.integer("version"));
  TENON_TRY(entry.version, fields.located(Version::create(version)));
  if (fields.optional("length") != nullptr) {
    TENON_TRY(entry.length, read_length(fields));
  }
  if (fields.optional("hashes") != nullptr) {
    TENON_TRY(json::Fields hash_fields, fields.object("hashes"));
    TENON_TRY(entry.hashes, Hashes::read(std::move(hash_fields)));
  }
  entry.extra = fields.rest();
  return entry;
}

json::Value MetaEntry::to_json() const {
  json::Object object = extra;
  object.set("version", version.value());
  if (length) object.set("length", static_cast<std::int64_t>(*length));
  if (hashes) object.set("hashes", hashes->to_json());
  return object;
}

FileIdentity MetaEntry::identify(ByteView file) const {
  return FileIdentity::of(file, hashes && hashes->sha512);
}

Result<void> MetaEntry::check_file(const FileIdentity& file) const {
  if (length && *length != file.length) {
    return Error{ErrorCode::kMismatch, "length " + std::to_string(file.length) + ", listed " + std::to_string(*length)};
  }
  if (hashes && !hashes->any_known()) return Error{ErrorCode::kMismatch, "lists no digest that is known here"};
  if (hashes && !hashes->match(file)) {
    return Error{ErrorCode::kMismatch, "sha256 " + file.sha256.hex() + ", listed " + hashes->preferred()};
  }
  return {};
}

}  // namespace tenon::metadata
