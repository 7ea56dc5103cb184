// Succinct hash bins (TAP 15): 2^n roles that are named by arithmetic and never listed.
#include <tenon/metadata/hex.h>

#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::SuccinctRoles;
using metadata::TargetPath;

TargetPath path_of(const std::string& text) {
  return *TargetPath::parse(text);
}

SuccinctRoles bins_of(int bit_length) {
  return {role_keys(test_keys(1, 1), 1), bit_length, "bin"};
}

// Which prefixes stand for the first bits is worked out bit by bit here.
bool begins_with_bits_of_bin(const TargetPath& path, const metadata::DelegatedRole& bin, int bit_length) {
  const Sha256 hash = Sha256::of(as_bytes(path.text()));
  std::uint64_t number = std::stoull(bin.name.text().substr(4), nullptr, 16);
  for (int bit = bit_length - 1; bit >= 0; --bit, number >>= 1) {
    const int in_hash = hash.bytes[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8) & 1;
    if (in_hash != static_cast<int>(number & 1)) return false;
  }
  return true;
}

// Book: DEL-08
// TAP 15
TEST(SuccinctRoles, GiveEveryPathTheOneBinOfItsFirstBits) {
  for (int bit_length = 1; bit_length <= 32; ++bit_length) {
    const SuccinctRoles bins = bins_of(bit_length);
    for (int i = 0; i < 40; ++i) {
      const TargetPath path = path_of("dir/file-" + std::to_string(i));
      const metadata::DelegatedRole bin = bins.bin_of(path);
      EXPECT_EQ(bin.name.text().size(), 4 + static_cast<std::size_t>(bit_length + 3) / 4);
      EXPECT_TRUE(begins_with_bits_of_bin(path, bin, bit_length)) << bit_length << " " << path.text();
      EXPECT_TRUE(bin.terminating);
      EXPECT_TRUE(*bin.paths.contains(path));
      // Another path is inside the bin exactly when it has the same bin.
      for (int j = 0; j < 40; ++j) {
        const TargetPath other = path_of("dir/file-" + std::to_string(j));
        EXPECT_EQ(*bin.paths.contains(other), bins.bin_of(other).name == bin.name);
      }
    }
  }
}

// Origin: python-tuf 7.0.1, SuccinctRoles.get_role_for_target.
// TAP 15
TEST(SuccinctRoles, NameTheBinsThatPythonTufNames) {
  const auto name = [](const char* path, int bits) { return bins_of(bits).bin_of(path_of(path)).name.text(); };
  EXPECT_EQ(name("a.txt", 1), "bin-0");
  EXPECT_EQ(name("a.txt", 8), "bin-18");
  EXPECT_EQ(name("a.txt", 10), "bin-062");
  EXPECT_EQ(name("dir/b", 14), "bin-0425");
  EXPECT_EQ(name("dir/b", 32), "bin-1097c7ae");
}

// TAP 15
TEST(SuccinctRoles, KnowTheirBinsByName) {
  const SuccinctRoles bins = bins_of(10);
  for (const std::uint64_t number : {0u, 98u, 1023u})
    EXPECT_EQ(bins.number_of_bin(bins.bin(number).name.text()), number);
  for (const char* other :
       {"bin-400", "bin-fff", "bin-3FF", "bin-62", "bin-0062", "bin_062", "pin-062", "bin-06g", "bin", ""}) {
    EXPECT_EQ(bins.number_of_bin(other), std::nullopt) << other;
  }
}

// TAP 15
TEST(SuccinctRoles, LeadToATargetWithOneRequest) {
  Scenario scenario;
  scenario.repository.add_bins({.name_prefix = "bin", .bit_length = 5});
  const std::string bin = bins_of(5).bin_of(path_of("app.bin")).name.text();
  scenario.repository.add_target("app.bin", "content", bin);
  scenario.repository.publish();
  scenario.settle();
  const Result<client::TrustedRepository> trusted = scenario.device.refresh();
  ASSERT_TRUE(trusted);
  const auto target = scenario.device.find(*trusted, "app.bin");
  ASSERT_TRUE(target && *target);
  EXPECT_EQ((*target)->signed_by().text(), bin);
  EXPECT_EQ(scenario.device.requested, std::vector<std::string>{"2." + bin + ".json"});
  const auto other = scenario.device.find(*trusted, "other.bin");
  ASSERT_TRUE(other);
  EXPECT_FALSE(*other);
  EXPECT_EQ(scenario.device.visited.size(), 2U) << "a bin is terminating";
}

// TAP 15
TEST(SuccinctRoles, CannotSpeakForThePathsOfAnotherBin) {
  Scenario scenario;
  scenario.repository.add_bins({.bit_length = 2});
  for (const char* bin : {"bin-0", "bin-1", "bin-2", "bin-3"}) {
    if (bin != bins_of(2).bin_of(path_of("app.bin")).name.text()) {
      scenario.repository.add_target("app.bin", "forged", bin);
    }
  }
  scenario.repository.publish();
  const Result<client::TrustedRepository> trusted = scenario.device.refresh();
  ASSERT_TRUE(trusted);
  const auto target = scenario.device.find(*trusted, "app.bin");
  ASSERT_TRUE(target);
  EXPECT_FALSE(*target);
}

// TAP 15
TEST(SuccinctRoles, BelowADelegationKeepItsPaths) {
  Scenario scenario;
  scenario.repository.add_delegation({.name = "team", .paths = {"team/*"}});
  scenario.repository.add_bins({.delegator = "team", .bit_length = 1});
  for (const char* path : {"team/app", "other/app"}) {
    scenario.repository.add_target(path, "content", bins_of(1).bin_of(path_of(path)).name.text());
  }
  scenario.repository.publish();
  scenario.expect_accepted("team/app");
  const Result<client::TrustedRepository> trusted = scenario.device.refresh();
  ASSERT_TRUE(trusted);
  const auto target = scenario.device.find(*trusted, "other/app");
  ASSERT_TRUE(target);
  EXPECT_FALSE(*target);
}

// Book: DEL-08
// TAP 15
TEST(SuccinctRoles, OfAnImpossibleFormAreRefused) {
  RepositorySimulator repository;
  repository.add_bins({.bit_length = 1});
  const json::Value good = repository.targets.to_json();
  ASSERT_EQ(code_of(metadata::Targets::parse(good)), "accepted");
  EXPECT_EQ(metadata::Targets::parse(good)->to_json(), good);
  const auto code = [&](const char* member, json::Value value) {
    return code_of(metadata::Targets::parse(with(good, {"delegations", "succinct_roles", member}, std::move(value))));
  };
  for (const std::int64_t bits : {std::int64_t{0}, std::int64_t{33}, std::int64_t{-1}, std::int64_t{1} << 40}) {
    EXPECT_EQ(code("bit_length", bits), "E_PARSE") << bits;
  }
  EXPECT_EQ(code("bit_length", 31), "accepted");
  EXPECT_EQ(code("bit_length", 32), "accepted");
  EXPECT_EQ(code("bit_length", "8"), "E_PARSE");
  for (const char* prefix : {"", "a/b", "../bin", "..", ".bin", "a\\b", "a\x01"}) {
    EXPECT_EQ(code("name_prefix", prefix), "E_PARSE") << prefix;
  }
  EXPECT_EQ(code("name_prefix", std::string(300, 'a')), "E_PARSE");
  EXPECT_EQ(code("threshold", 0), "E_PARSE");
  EXPECT_EQ(code_of(metadata::Targets::parse(with(good, {"delegations", "roles"}, json::Array{}))), "E_PARSE");
  EXPECT_EQ(code_of(metadata::Targets::parse(without(good, {"delegations", "succinct_roles"}))), "E_PARSE");
  for (const char* member : {"bit_length", "name_prefix", "keyids", "threshold"}) {
    EXPECT_EQ(code_of(metadata::Targets::parse(without(good, {"delegations", "succinct_roles", member}))), "E_PARSE");
  }
  const json::Value extended = with(good, {"delegations", "succinct_roles", "x-unknown"}, 1);
  EXPECT_EQ(metadata::Targets::parse(extended)->to_json(), extended);
}

}  // namespace
}  // namespace tenon::tests
