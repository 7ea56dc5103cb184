#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

class PublishingATarget : public Workshop {
 protected:
  // Drafts a release's file of that name, as a hand-edited draft could have it, signs everything and publishes.
  Result<void> publish_named(std::string_view file) {
    const RoleId role = releases_role_of(label("demo"));
    metadata::Targets targets;
    TENON_TRY(const metadata::TargetPath path, metadata::TargetPath::parse("demo/releases/1.0.0/" + std::string(file)));
    TENON_TRY_VOID(stage_target(repository(), disk_, path, as_bytes("content"), targets));
    TENON_TRY_VOID(write_draft(repository(), disk_, role, std::move(targets), days_later(10)));
    sign_all();
    return publish();
  }
};

// Book: JSON-09
TEST_F(PublishingATarget, WhoseNameIsDecomposedComposedOrLooksLikeAnotherIsRefused) {
  for (const char* name : {"cafe\xCC\x81",             // decomposed
                           "caf\xC3\xA9",              // composed
                           "r\xD0\xBEotfs.img",        // a Cyrillic o
                           "\xEF\xBC\xA1.img",         // a full-width A
                           "a\xE2\x80\x8B.img",        // a space of no width
                           "a\xE2\x80\xAEgpj.exe"}) {  // from right to left
    const Result<void> published = publish_named(name);
    EXPECT_EQ(code_of(published), "E_POLICY") << name;
    EXPECT_NE(published.error().message.find("A-Z a-z"), std::string::npos) << published.error().message;
    EXPECT_FALSE(fs::exists(folder() / "public")) << name;
  }
}

TEST_F(PublishingATarget, WhoseNameIsReadInSeveralWaysIsRefused) {
  for (const char* name : {"a b", "a+b", "a%2fb", "a?b", "a#b", "a;b", "a:b", "a*b", "$(x)", "a'b", "a\"b"}) {
    EXPECT_EQ(code_of(publish_named(name)), "E_POLICY") << name;
  }
}

TEST_F(PublishingATarget, WhoseNameIsPlainIsPublished) {
  const Result<void> published = publish_named("Image_1.0~rc1=2@x,y-z.bin");
  EXPECT_TRUE(published) << published.error().message;
}

}  // namespace
}  // namespace tenon::repo_tools
