#include <tenon/metadata/timestamp.h>

namespace tenon::metadata {

Result<Timestamp> Timestamp::parse(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "signed"));
  TENON_TRY(RoleHeader header, RoleHeader::read(fields, kType));
  TENON_TRY(json::Fields meta, fields.object("meta"));
  TENON_TRY(json::Fields entry, meta.object("snapshot.json"));
  TENON_TRY_VOID(meta.finish());
  TENON_TRY(MetaEntry snapshot, MetaEntry::read(std::move(entry)));
  if (snapshot.hashes && !snapshot.hashes->any_known()) {
    return fields.error("snapshot's digests are of no kind that is known here");
  }
  std::optional<UtcTime> issued;
  if (fields.optional("x-tenon-issued") != nullptr) {
    TENON_TRY(const std::string text, fields.string("x-tenon-issued"));
    TENON_TRY(issued, UtcTime::parse(text).with_context("signed.x-tenon-issued"));
    if (*issued >= header.expires) return fields.error("issued at " + text + ", not before it expires");
  }
  return Timestamp{std::move(header), std::move(snapshot), issued, fields.rest()};
}

json::Value Timestamp::to_json() const {
  json::Object object = extra;
  header.write(object, kType);
  json::Object meta;
  meta.set("snapshot.json", snapshot.to_json());
  object.set("meta", std::move(meta));
  if (issued) object.set("x-tenon-issued", issued->text());
  return object;
}

}  // namespace tenon::metadata
