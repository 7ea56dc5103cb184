#include <tenon/hsm/file_io.h>
#include <tenon/keyctl/request_create.h>

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <tests/keyctl/ceremony_builder.h>
#include <tests/support/scratch_folder.h>

namespace tenon::keyctl {
namespace {

namespace fs = std::filesystem;

// The coordinator's machine, with files beside the home.
struct Desk {
  CeremonyBuilder world;
  tests::ScratchFolder folder;
  Home home = *Home::open(folder.path() / "home");

  fs::path write(const std::string& name, const std::string& text) {
    const fs::path path = folder.path() / name;
    TENON_CHECK(hsm::replace_file(path, as_bytes(text), hsm::FileMode::kPublic).has_value());
    return path;
  }
  fs::path draft(const std::string& name, const json::Value& signed_part) {
    return write(name, metadata::Envelope::unsigned_of(signed_part).to_text());
  }
  void know(const std::string& root) {
    TENON_CHECK(home.remember(world.repository, {to_bytes(root), to_bytes(world.policy_1()), {}}).has_value());
  }
  CreateOptions options(std::vector<DraftFile> drafts) const {
    CreateOptions options{world.repository, std::move(drafts)};
    options.reason = "as planned";
    return options;
  }
};

metadata::Root root_3(const CeremonyBuilder& world) {
  metadata::Root root = world.root_2();
  root.header.version = *metadata::Version::create(3);
  return root;
}

TEST(CreateRequest, CarriesRootsOldestFirstHoweverTheyAreNamed) {
  Desk desk;
  const std::string one = desk.world.root_1();
  const std::string two = sign_by(desk.world.root_2().to_json(), desk.world.enough());
  desk.know(two);
  CreateOptions options = desk.options({{std::nullopt, desk.draft("root-3", root_3(desk.world).to_json())}});
  options.roots = {desk.write("2.root.json", two), desk.write("1.root.json", one)};
  const Result<CreatedRequest> created = create_request(desk.home, options, kNow);
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_EQ(created->request.roots, (std::vector<std::string>{one, two}));
}

TEST(CreateRequest, GivesEachChangeItsOwnReasonOrTheCommonOne) {
  Desk desk;
  desk.know(desk.world.root_1());
  CreateOptions options = desk.options({{std::nullopt, desk.draft("root-2", desk.world.root_2().to_json())}});
  options.reasons = {{"roles/root", "carol left"}};
  const Result<CreatedRequest> created = create_request(desk.home, options, kNow);
  ASSERT_TRUE(created) << created.error().message;
  const std::map<std::string, std::string>& reasons = created->request.documents.front().reasons;
  ASSERT_TRUE(reasons.contains("roles/root"));
  EXPECT_EQ(reasons.at("roles/root"), "carol left");
  EXPECT_GT(reasons.size(), 1u);
  for (const auto& [place, reason] : reasons) {
    EXPECT_EQ(reason, place == "roles/root" ? "carol left" : "as planned") << place;
  }
}

TEST(CreateRequest, MakesNoneOfWhatThePolicyRefusesOrCannotBeRead) {
  Desk desk;
  desk.know(desk.world.root_1());
  CreateOptions without_reason = desk.options({{std::nullopt, desk.draft("root-2", desk.world.root_2().to_json())}});
  without_reason.reason.clear();
  CreateOptions nowhere = without_reason;
  nowhere.reasons = {{"roles/snapshot", "nothing changes there"}};
  EXPECT_EQ(create_request(desk.home, nowhere, kNow).error().code, ErrorCode::kUsage);
  EXPECT_EQ(create_request(desk.home, without_reason, kNow).error().code, ErrorCode::kPolicy);
  EXPECT_EQ(create_request(desk.home, desk.options({{std::nullopt, desk.write("torn", "{")}}), kNow).error().code,
            ErrorCode::kParse);
  EXPECT_EQ(create_request(desk.home, desk.options({{std::nullopt, desk.folder.path() / "none"}}), kNow).error().code,
            ErrorCode::kStorage);
  const json::Value targets = desk.world.targets(1).to_json();
  const Result<CreatedRequest> nameless =
      create_request(desk.home, desk.options({{"a/b", desk.draft("t", targets)}}), kNow);
  ASSERT_FALSE(nameless);
  expect_safe_error(nameless.error());
}

}  // namespace
}  // namespace tenon::keyctl
