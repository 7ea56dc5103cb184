#include <tenon/repo_tools/release_builder.h>

#include <cctype>

#include <sodium.h>
#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

using AddingARelease = Workshop;

// Spec: 3.1.1, 6.2.1b
TEST_F(AddingARelease, ListsItsFilesAndStagesThemUnderTheirDigests) {
  const Result<ReleaseAdded> added = add(release("1.0.0", 1));
  ASSERT_TRUE(added) << added.error().message;
  const metadata::Targets targets = *repository().newest_targets(releases_role_of(label("demo")));
  ASSERT_EQ(targets.targets.size(), 3u);
  for (const auto& [path, entry] : targets.targets) {
    const std::string file = metadata::TargetPath::parse(path)->hash_prefixed(entry.hashes.sha256->hex());
    const Bytes content = *hsm::read_file(repository().staged_target(file), 1u << 24);
    EXPECT_EQ(content.size(), entry.length);
    EXPECT_EQ(Sha256::of(content), *entry.hashes.sha256);
  }
  EXPECT_EQ(added->release.images[0].sha256, Sha256::of(image_content(200'000)));
}

TEST_F(AddingARelease, TwiceWithTheSameContentDoesNothing) {
  ASSERT_TRUE(add(release("1.0.0", 1)));
  const auto before = files_below("staging");
  const Result<ReleaseAdded> again = add(release("1.0.0", 1));
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->draft.has_value());
  EXPECT_EQ(files_below("staging"), before);
}

TEST_F(AddingARelease, TwiceAfterItWasPublishedDoesNothing) {
  publish_release("1.0.0", 1);
  const Result<ReleaseAdded> again = add(release("1.0.0", 1));
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->draft.has_value());
  EXPECT_TRUE(repository().drafted_roles()->empty());
}

// Book: SRV-04
TEST_F(AddingARelease, OfAVersionThatExistsWithOtherContentIsRefused) {
  ASSERT_TRUE(add(release("1.0.0", 1)));
  const auto before = files_below("staging");
  EXPECT_EQ(code_of(add(release("1.0.0", 1, 2))), "E_POLICY");
  EXPECT_EQ(code_of(add(release("1.0.0", 2))), "E_POLICY");
  ReleaseRequest other = release("1.0.0", 1);
  other.notes = "other notes";
  EXPECT_EQ(code_of(add(other)), "E_POLICY");
  EXPECT_EQ(files_below("staging"), before);
}

// Book: TGT-11
TEST_F(AddingARelease, NeedsASequenceAboveAllOthersStagedAndPublished) {
  publish_release("1.0.0", 5);
  EXPECT_EQ(code_of(add(release("1.1.0", 5, 2))), "E_POLICY");
  EXPECT_EQ(code_of(add(release("1.1.0", 4, 2))), "E_POLICY");
  ASSERT_TRUE(add(release("1.1.0", 6, 2)));
  EXPECT_EQ(code_of(add(release("1.2.0", 6, 3))), "E_POLICY");
  EXPECT_TRUE(add(release("1.2.0", 7, 3)));
}

TEST_F(AddingARelease, KeepsTheFloorOfTheReleaseBefore) {
  ReleaseRequest first = release("1.0.0", 3);
  first.floor = policies::Sequence::create(2).value();
  ASSERT_TRUE(add(first));
  EXPECT_EQ(add(release("1.1.0", 4, 2))->release.floor.value(), 2);
}

TEST_F(AddingARelease, RefusesRequestsThatMakeNoReleaseBeforeTheLongWork) {
  const auto before = files_below("staging");
  ReleaseRequest no_hardware = release("1.0.0", 1);
  no_hardware.hardware.clear();
  EXPECT_EQ(code_of(add(no_hardware)), "E_PARSE");
  ReleaseRequest no_image = release("1.0.0", 1);
  no_image.images.clear();
  EXPECT_EQ(code_of(add(no_image)), "E_PARSE");
  ReleaseRequest twice = release("1.0.0", 1);
  twice.images.push_back(twice.images.front());
  EXPECT_EQ(code_of(add(twice)), "E_PARSE");
  ReleaseRequest high_floor = release("1.0.0", 1);
  high_floor.floor = policies::Sequence::create(2).value();
  EXPECT_EQ(code_of(add(high_floor)), "E_PARSE");
  ReleaseRequest missing = release("1.0.0", 1);
  missing.images.front().file = temp_ / "no-such-image";
  EXPECT_EQ(code_of(add(missing)), "E_STORAGE");
  ReleaseRequest stranger = release("1.0.0", 1);
  stranger.product = label("other");
  EXPECT_EQ(code_of(add(stranger)), "E_USAGE");
  EXPECT_EQ(files_below("staging"), before);
}

// An in-toto statement of how the image with this digest was made; in a DSSE envelope if asked for.
std::string provenance_of(const std::string& sha256, bool in_envelope = false) {
  const std::string statement =
      R"({"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "rootfs", "digest": )"
      R"({"sha256": ")" +
      sha256 + R"("}}], "predicateType": "https://slsa.dev/provenance/v1", "predicate": {}})";
  if (!in_envelope) return statement;
  std::string base64(sodium_base64_encoded_len(statement.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(base64.data(), base64.size(), as_bytes(statement).data(), statement.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  base64.pop_back();
  return R"({"payloadType": "application/vnd.in-toto+json", "payload": ")" + base64 + R"(", "signatures": []})";
}

class AttachingToARelease : public AddingARelease {
 protected:
  // The release, with files of these contents.
  ReleaseRequest with(const std::string& sbom, const std::string& provenance) const {
    ReleaseRequest request = release("1.0.0", 1);
    request.attached = {{"sbom", temp_.write("sbom.cdx.json", sbom)},
                        {"provenance", temp_.write("provenance.json", provenance)}};
    return request;
  }
  const std::string digest_ = Sha256::of(image_content(200'000, 1)).hex();
};

TEST_F(AttachingToARelease, PublishesThemBesideItAndListsTheirDigests) {
  for (const bool in_envelope : {false, true}) {
    fs::remove_all(folder());
    ASSERT_TRUE(init_repository(folder(), signed_root(root()), product(), {.is_lab = true}, kNow));
    ReleaseRequest request = with("{\"components\": []}", provenance_of(digest_, in_envelope));
    request.kind = label("security");
    const auto added = add(request);
    ASSERT_TRUE(added) << added.error().message;
    ASSERT_EQ(added->release.attachments.size(), 2u);
    EXPECT_EQ(added->release.attachments[0].sha256, Sha256::of(as_bytes("{\"components\": []}")));
    EXPECT_EQ(added->release.kind, label("security"));
    EXPECT_EQ(added->files.size(), 5u);
    EXPECT_FALSE(add(request)->draft) << "again";
    ASSERT_TRUE(set("1.0.0"));
    sign_all();
    ASSERT_TRUE(publish());
    EXPECT_EQ(*current(), "1.0.0");
  }
}

TEST_F(AttachingToARelease, TakesAProvenanceInASigstoreBundleAndADigestInCapitals) {
  std::string capitals = digest_;
  for (char& digit : capitals) digit = static_cast<char>(std::toupper(static_cast<unsigned char>(digit)));
  const std::string bundle = "{\"dsseEnvelope\": " + provenance_of(capitals, true) + "}";
  EXPECT_TRUE(add(with("{}", bundle)));
}

TEST_F(AttachingToARelease, WithOtherContentIsAnotherRelease) {
  ASSERT_TRUE(add(with("{}", provenance_of(digest_))));
  EXPECT_EQ(code_of(add(with("{ }", provenance_of(digest_)))), "E_POLICY");
  EXPECT_EQ(code_of(add(release("1.0.0", 1))), "E_POLICY");
}

TEST_F(AttachingToARelease, RefusesAProvenanceOfAnotherImage) {
  const auto before = files_below("staging/metadata");
  const std::string other = Sha256::of(as_bytes("another")).hex();
  for (const std::string& bad : {provenance_of(other), provenance_of(other, true),
                                 std::string("{\"_type\": "
                                             "\"https://in-toto.io/"
                                             "Statement/v1\", "
                                             "\"subject\": []}")}) {
    const auto added = add(with("{}", bad));
    EXPECT_EQ(code_of(added), "E_MISMATCH") << bad;
    EXPECT_NE(added.error().message.find(digest_), std::string::npos) << added.error().message;
  }
  for (const char* bad : {"", "[]", "{}", "{\"_type\": \"https://example.org/\", \"subject\": []}",
                          "{\"payloadType\": \"text/plain\", \"payload\": \"e30=\"}",
                          "{\"payloadType\": \"application/vnd.in-toto+json\", \"payload\": \"%\"}"}) {
    EXPECT_EQ(code_of(add(with("{}", bad))), "E_PARSE") << bad;
  }
  EXPECT_EQ(files_below("staging/metadata"), before);
}

TEST_F(AttachingToARelease, RefusesNamesThatAreTakenAndFilesThatAreNotThere) {
  for (const char* name : {"release.json", "rootfs.segments", "rootfs.full.zst", "strange name", ".hidden"}) {
    ReleaseRequest request = release("1.0.0", 1);
    request.attached = {{"sbom", temp_.write(name, "{}")}};
    EXPECT_EQ(code_of(add(request)), "E_USAGE") << name;
  }
  ReleaseRequest request = release("1.0.0", 1);
  request.attached = {{"sbom", temp_ / "no-such-file"}};
  EXPECT_EQ(code_of(add(request)), "E_STORAGE");
}

TEST_F(AddingARelease, InADryRunDoesTheWorkAndChangesNothing) {
  const auto before = files_below("");
  DryRunWriter dry;
  const Result<ReleaseAdded> added = add_release(repository(), dry, release("1.0.0", 1), {kNow}, no_progress_);
  ASSERT_TRUE(added);
  EXPECT_EQ(added->files.size(), 3u);
  EXPECT_EQ(files_below(""), before);
}

TEST_F(AddingARelease, TakesSeveralImages) {
  ReleaseRequest request = release("1.0.0", 1);
  request.images.push_back({label("boot"), release("x", 1, 2).images.front().file});
  ASSERT_TRUE(add(request));
  ASSERT_TRUE(set("1.0.0"));
  sign_all();
  ASSERT_TRUE(publish());
  EXPECT_EQ(*current(), "1.0.0");
}

TEST_F(AddingARelease, DropsSignaturesOfTheDraftAndSaysSo) {
  ASSERT_TRUE(add(release("1.0.0", 1)));
  ASSERT_TRUE(sign(releases_keys_));
  EXPECT_EQ(add(release("1.1.0", 2, 2))->draft->signatures_dropped, 2u);
}

// Book: SRV-12
TEST_F(AddingARelease, KeepsMembersThatItDoesNotKnow) {
  metadata::Targets targets = *repository().newest_targets(releases_role_of(label("demo")));
  targets.extra.set("x-other", "kept");
  ASSERT_TRUE(write_draft(repository(), disk_, releases_role_of(label("demo")), targets, days_later(10)));
  ASSERT_TRUE(add(release("1.0.0", 1)));
  const json::Object extra = repository().newest_targets(releases_role_of(label("demo")))->extra;
  EXPECT_EQ(*extra.find("x-other")->string(), "kept");
}

// --- channels

using SettingAChannel = Workshop;

TEST_F(SettingAChannel, RaisesItsSerialWithEveryChange) {
  ASSERT_TRUE(add(release("1.0.0", 1)));
  ASSERT_TRUE(add(release("1.1.0", 2, 2)));
  EXPECT_EQ(set("1.0.0")->channel.serial, 1);
  EXPECT_EQ(set("1.1.0")->channel.serial, 2);
  const Result<ChannelEdited> same = set("1.1.0");
  EXPECT_EQ(same->channel.serial, 2);
  EXPECT_FALSE(same->draft.has_value());
}

TEST_F(SettingAChannel, PinsTheReleaseFile) {
  publish_release("1.0.0", 1);
  const policies::Channel channel = **listed_channel(repository(), label("demo"), label("stable"));
  EXPECT_EQ(channel.release_sha256, find_release(repository(), label("demo"), label("1.0.0"))->sha256);
}

TEST_F(SettingAChannel, RefusesAReleaseThatThereIsNot) {
  EXPECT_EQ(code_of(set("1.0.0")), "E_USAGE");
  ASSERT_TRUE(add(release("1.0.0", 1)));
  EXPECT_EQ(code_of(set("1.0.0", {label("0.9.0")})), "E_USAGE");
}

TEST_F(SettingAChannel, CanWithdrawTheCurrentReleaseSoThatDevicesWait) {
  publish_release("1.0.0", 1);
  ASSERT_TRUE(set("1.0.0", {label("1.0.0")}));
  sign_all();
  ASSERT_TRUE(publish());
  const Bytes root = *repository().initial_root();
  const Result<ClientReport> report =
      verify_as_client(RepositoryView::published(repository()), root, {kNow}, no_progress_);
  EXPECT_EQ(report->channels.front().decisions.front().second.reason, "withdrawn");
}

TEST_F(SettingAChannel, RefusesToGoToAReleaseThatWasWithdrawn) {
  ASSERT_TRUE(add(release("1.0.0", 1)));
  ASSERT_TRUE(add(release("1.1.0", 2, 2)));
  ASSERT_TRUE(set("1.1.0", {label("1.0.0")}));
  EXPECT_EQ(code_of(set("1.0.0")), "E_POLICY");
}

TEST_F(SettingAChannel, ToAnOlderReleaseSaysThatDevicesStay) {
  ASSERT_TRUE(add(release("1.0.0", 1)));
  ASSERT_TRUE(add(release("1.1.0", 2, 2)));
  EXPECT_EQ(set("1.1.0")->note, "");
  EXPECT_NE(set("1.0.0")->note, "");
}

policies::Share percent(std::string_view text) {
  return *policies::Share::parse_percent(text);
}

class RollingOut : public Workshop {
 protected:
  RollingOut() {
    EXPECT_TRUE(add(release("1.0.0", 1)));
    EXPECT_TRUE(add(release("1.1.0", 2, 2)));
  }
  Result<ChannelEdited> edit(RolloutChange change, std::optional<policies::Label> release = {},
                             std::vector<policies::Label> withdraw = {}) {
    return edit_channel(repository(), disk_,
                        {label("demo"), label("stable"), std::move(release), std::move(withdraw), std::move(change)},
                        kNow);
  }
};

TEST_F(RollingOut, IsForEverybodyUnlessSomethingElseIsSaid) {
  EXPECT_EQ(edit({}, label("1.0.0"))->channel.rollout, policies::Rollout{});
  EXPECT_EQ(edit({.groups = {{label("lab"), percent("100%")}}}, label("1.1.0"))->channel.rollout.share,
            policies::Share::none());
}

TEST_F(RollingOut, NeedsAChannelThatWasSet) {
  EXPECT_EQ(code_of(edit({.is_paused = true})), "E_USAGE");
}

TEST_F(RollingOut, AdvancesAndNeverFallsBack) {
  ASSERT_TRUE(edit({.share = percent("5%")}, label("1.0.0")));
  const Result<ChannelEdited> advanced = edit({.share = percent("25%")});
  ASSERT_TRUE(advanced);
  EXPECT_EQ(advanced->channel.rollout.share, percent("25%"));
  EXPECT_EQ(advanced->channel.serial, 2);
  EXPECT_EQ(code_of(edit({.share = percent("24.99%")})), "E_POLICY");
  ASSERT_TRUE(edit({.groups = {{label("lab"), percent("50%")}}}));
  EXPECT_EQ(code_of(edit({.groups = {{label("lab"), percent("49%")}}})), "E_POLICY");
  EXPECT_FALSE(edit({.share = percent("25%")})->draft.has_value());
}

TEST_F(RollingOut, ReplacesARampOnlyByOneThatIsNotBehindIt) {
  const auto ramp_from = [](std::string_view first) {
    return *policies::Ramp::create(kNow, {{0, percent(first)}, {1000, percent("100%")}});
  };
  ASSERT_TRUE(edit({.ramp = ramp_from("10%")}, label("1.0.0")));
  EXPECT_EQ(code_of(edit({.ramp = ramp_from("9.99%")})), "E_POLICY");
  EXPECT_TRUE(edit({.ramp = ramp_from("10%")}));
  ASSERT_TRUE(edit({.share = percent("20%")}));
  EXPECT_TRUE(edit({.ramp = ramp_from("5%")})) << "the share alone is above it";
}

// A job that runs again says the same release again: that must not give it to everybody.
TEST_F(RollingOut, GoesOnWhenTheSameReleaseIsSetAgain) {
  ASSERT_TRUE(edit({.share = percent("5%"), .deadline = days_later(9)}, label("1.0.0")));
  ASSERT_TRUE(edit({.share = percent("25%")}));
  EXPECT_FALSE(edit({}, label("1.0.0"))->draft.has_value());
  const Result<ChannelEdited> another = edit({.share = percent("1%")}, label("1.1.0"));
  ASSERT_TRUE(another);
  EXPECT_EQ(another->channel.rollout, (policies::Rollout{.share = percent("1%")})) << "it begins anew";
}

TEST_F(RollingOut, PausesAndResumesWhereItWas) {
  ASSERT_TRUE(edit({.share = percent("5%")}, label("1.0.0")));
  EXPECT_TRUE(edit({.is_paused = true})->channel.rollout.is_paused);
  EXPECT_FALSE(edit({.is_paused = true})->draft.has_value());
  const Result<ChannelEdited> resumed = edit({.is_paused = false});
  EXPECT_EQ(resumed->channel.rollout, (policies::Rollout{.share = percent("5%")}));
}

TEST_F(RollingOut, CanWithdrawWhatIsCurrentWithoutNamingIt) {
  ASSERT_TRUE(edit({}, label("1.0.0")));
  const Result<ChannelEdited> edited = edit({}, {}, {label("1.0.0")});
  ASSERT_TRUE(edited);
  EXPECT_TRUE(edited->channel.withdraws(label("1.0.0")));
  EXPECT_EQ(code_of(edit({}, {}, {label("7")})), "E_USAGE");
  EXPECT_TRUE(edit({.is_paused = true})) << "the withdrawn one stays current";
}

}  // namespace
}  // namespace tenon::repo_tools
