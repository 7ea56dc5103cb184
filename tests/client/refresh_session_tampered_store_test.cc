// A store that somebody else has written to: what is bad counts as absent, and what is old lowers no floor.
#include <gtest/gtest.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

const std::vector<std::string> kFiles = {"2.root.json",  "3.root.json", "timestamp.json", "snapshot.json",
                                         "targets.json", "d1.json",     "d2.json",        "d3.json"};

class TamperedStore : public testing::TestWithParam<std::string> {
 protected:
  TamperedStore() {
    add_delegation_chain(scenario.repository);
    scenario.repository.publish_root();
    scenario.settle_with(kDeepTarget);
    old = scenario.store.files;
    scenario.repository.publish_root();
    scenario.repository.publish();
    scenario.settle_with(kDeepTarget);
    good = scenario.store.files;
  }

  // The device goes on as if nothing had happened, and mends its store.
  void expect_mended(const std::string& what) {
    SCOPED_TRACE(what);
    scenario.expect_accepted(kDeepTarget);
    EXPECT_EQ(scenario.store.files, good);
    scenario.store.files = good;
  }

  const std::string file = GetParam();
  Scenario scenario;
  std::map<std::string, Bytes> old;
  std::map<std::string, Bytes> good;
};
INSTANTIATE_TEST_SUITE_P(Files, TamperedStore, testing::ValuesIn(kFiles), [](const auto& parameter) {
  std::string name = parameter.param.substr(0, parameter.param.find(".json"));
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
});

// Book: LOC-04
TEST_P(TamperedStore, IsMendedWhenAByteWasChanged) {
  for (std::size_t part = 1; part < 16; ++part) {
    Bytes& content = scenario.store.files.at(file);
    content[content.size() * part / 16] ^= 0x04;
    expect_mended("at " + std::to_string(part) + " of 16");
  }
}

// Book: LOC-04
TEST_P(TamperedStore, IsMendedWhenAFileWasCutOrGrew) {
  for (std::size_t part = 0; part < 4; ++part) {
    Bytes& content = scenario.store.files.at(file);
    content.resize(content.size() * part / 4);
    expect_mended("to " + std::to_string(part) + " of 4");
  }
  scenario.store.files.at(file).push_back('}');
  expect_mended("by a brace");
}

// Book: LOC-04
TEST_P(TamperedStore, IsMendedWhenFilesWereSwapped) {
  for (const std::string& other : kFiles) {
    if (other == file) continue;
    scenario.store.files[file] = good.at(other);
    expect_mended("by " + other);
  }
}

// Book: LOC-04, META-02
TEST_P(TamperedStore, IsMendedWhenAnOlderFileWasPutBack) {
  if (!old.contains(file)) return;  // 3.root.json is new
  scenario.store.files[file] = old.at(file);
  expect_mended("an older one");
  scenario.store.files = old;  // all of them, and the floors with them
  scenario.device.floors = {};
  expect_mended("all of them");
}

// Book: LOC-04
TEST(OlderStore, PutBackWholeLetsNoOlderRepositoryInWhileTheFloorsAreKept) {
  Scenario scenario;
  add_delegation_chain(scenario.repository);
  scenario.settle_with(kDeepTarget);
  const std::map<std::string, Bytes> old_files = scenario.store.files;
  const RepositorySimulator old_repository = scenario.repository;
  scenario.repository.publish();
  scenario.settle_with(kDeepTarget);
  const RepositorySimulator newest = scenario.repository;
  scenario.store.files = old_files;
  scenario.repository = old_repository;
  scenario.expect_refused(ErrorCode::kRollback, {.target = kDeepTarget, .heal = [&] { scenario.repository = newest; }});
}

}  // namespace
}  // namespace tenon::tests
