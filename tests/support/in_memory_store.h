// InMemoryStore: the trusted files and the records of a device, in maps.
// Thread: one.
#pragma once

#include <tenon/client/ports/trust_store.h>

#include <map>
#include <string>

#include <tests/support/power.h>

namespace tenon::tests {

class InMemoryStore final : public client::TrustStore, public client::RecordStore {
 public:
  InMemoryStore() = default;
  // Caller must keep the power alive.
  explicit InMemoryStore(Power& power) : power_(&power) {}

  std::optional<Bytes> load(const std::string& file_name) override;
  Result<void> save(const std::string& file_name, ByteView content) override;
  Result<client::RecordContent> load(client::Record record) override;
  // save Errors: E_LIMIT above 4,000 bytes.
  Result<void> save(client::Record record, ByteView content) override;

  // What is stored, for tests to look at, to damage and to restore.
  std::map<std::string, Bytes> files;
  std::map<client::Record, Bytes> records;
  std::map<client::Record, bool> damaged;  // true: was written, cannot be read; a save mends it

  std::size_t writes() const { return power_->writes(); }
  // cut_after lets that many more writes happen; the next ones fail with E_STORAGE until mend().
  void cut_after(std::size_t writes_left) { power_->cut_after(writes_left); }
  void mend() { power_->restore(); }

 private:
  Power own_power_;
  Power* power_ = &own_power_;
};

}  // namespace tenon::tests
