#include <tenon/hsm/secret_source.h>
#include <tenon/repo_tools/destination.h>
#include <tenon/repo_tools/progress_meter.h>
#include <tenon/repo_tools/s3_store.h>

#include <thread>

namespace tenon::repo_tools {
namespace {

Result<std::unique_ptr<ObjectStore>> open_store(const StoreWords& words) {
  if (words.address.empty()) return std::unique_ptr<ObjectStore>();
  TENON_TRY(S3Address address, S3Address::parse(words.address, words.endpoint, words.region));
  hsm::SecretSource source = hsm::SecretSource::prompt();
  if (!words.key_from.empty()) {
    TENON_TRY(source, hsm::SecretSource::parse(words.key_from));
  }
  TENON_TRY(const hsm::SecretBytes line, source.read("key of " + address.text(), "--s3-key-from"));
  TENON_TRY(S3Key key, S3Key::parse(line));
  const auto pause = [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); };
  return std::unique_ptr<ObjectStore>(
      std::make_unique<S3Store>(std::move(address), std::move(key), S3Options{words.ca_file.native(), pause}));
}

}  // namespace

Result<Destination> Destination::open(const StoreWords& words, bool dry_run) {
  TENON_TRY(std::unique_ptr<ObjectStore> store, open_store(words));
  return Destination(std::move(store), words.workers, dry_run);
}

Result<void> Destination::catch_up(const Console& console, const Repository& repository, FileWriter& writer) {
  if (!store_ || dry_run_) return {};
  TENON_TRY(took_over_, repo_tools::catch_up(repository, writer, *store_, console.now));
  if (took_over_) {
    console.say("took over timestamp v" + std::to_string(took_over_->value()) + " and what it leads to from " +
                store_->address());
  }
  return {};
}

Result<void> Destination::upload(const Console& console, const Repository& repository, const RepositoryView& view) {
  if (!store_ || dry_run_) return {};
  TENON_TRY(report_, repo_tools::upload(repository, view, *store_, console.now, workers_, console.progress));
  return {};
}

void Destination::say(const Console& console) const {
  if (!store_) return;
  console.say(dry_run_ ? "would upload to " + store_->address()
                       : store_->address() + ": " + std::to_string(report_.objects) + " objects written, " +
                             size_text(report_.bytes));
}

void Destination::add_to(json::Object& object) const {
  if (!store_) return;
  json::Object uploaded;
  uploaded.set("to", store_->address());
  uploaded.set("objects", static_cast<std::int64_t>(report_.objects));
  uploaded.set("bytes", static_cast<std::int64_t>(report_.bytes));
  if (took_over_) uploaded.set("took_over_timestamp", took_over_->value());
  object.set("uploaded", std::move(uploaded));
}

}  // namespace tenon::repo_tools
