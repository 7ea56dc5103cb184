// What release managers and channels sign: which documents are read, and which are refused.
#include <tenon/policies/channel.h>
#include <tenon/policies/release.h>

#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/product_repository.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using policies::Channel;
using policies::Label;
using policies::Release;

json::Value good_release() {
  RepositorySimulator repository;
  add_product(repository, "camera");
  Release release = add_release(repository, {.version = "1.2.3",
                                             .sequence = 7,
                                             .floor = 3,
                                             .hardware = {"board-a", "board-b"},
                                             .image = Bytes(150'000, 7),
                                             .payload = to_bytes("payload")});
  release.notes = "what is new";
  release.kind = label("security");
  release.attachments = {{"sbom", label("sbom.cdx.json"), Sha256::of(as_bytes("sbom"))}};
  release.bridges = {bridge(3, "1.1.0"), bridge(6, "1.2.0")};
  release.images.front().payloads.push_back(
      {.kind = "delta",
       .file = label("rootfs.delta"),
       .delta = policies::Payload::Delta{140'000, Sha256::of(as_bytes("base")), 5'000'000}});
  release.images.front().payloads.push_back(
      {.kind = "local", .file = label("rootfs.blocks"), .index = label("rootfs.index")});
  return release.to_json();
}

json::Value good_channel() {
  const metadata::UtcTime from = *metadata::UtcTime::parse("2026-11-23T06:00:00Z");
  const auto share = [](std::int64_t value) { return *policies::Share::create(value); };
  return Channel{.product = label("camera"),
                 .channel = label("stable"),
                 .serial = 4,
                 .release = label("1.2.3"),
                 .release_sha256 = Sha256::of(as_bytes("release")),
                 .withdrawn = {label("1.2.2")},
                 .rollout = {.is_paused = true,
                             .share = share(500),
                             .ramp = *policies::Ramp::create(from, {{0, share(500)}, {86'400, share(2500)}}),
                             .groups = {{label("lab"), share(10'000)}},
                             .urgent_below = *policies::Sequence::create(3),
                             .deadline = from.plus_seconds(1'000'000)}}
      .to_json();
}

std::string release_verdict(const json::Value& value) {
  return code_of(Release::parse(as_bytes(json::to_text(value))));
}
std::string channel_verdict(const json::Value& value) {
  return code_of(Channel::parse(as_bytes(json::to_text(value))));
}

// Book: JSON-10
TEST(ReleaseDocument, IsReadBackAsItWasWritten) {
  const Result<Release> release = Release::parse(as_bytes(json::to_text(good_release(), 1)));
  ASSERT_TRUE(release) << release.error().message;
  EXPECT_EQ(release->to_json(), good_release());
  EXPECT_EQ(release->images.front().segment_count(), 3U);
  EXPECT_EQ(release->images.front().segment_length(0), 65'536U);
  EXPECT_EQ(release->images.front().segment_length(2), 150'000U - 2 * 65'536U);
}

TEST(ReleaseDocument, WithoutBridgesSaysNothingOfThem) {
  const json::Value old = without(good_release(), {"bridges"});
  const Result<Release> release = Release::parse(as_bytes(json::to_text(old)));
  ASSERT_TRUE(release) << release.error().message;
  EXPECT_EQ(json::to_text(release->to_json()), json::to_text(old));
}

// Book: JSON-10
TEST(ChannelDocument, IsReadBackAsItWasWritten) {
  const Result<Channel> channel = Channel::parse(as_bytes(json::to_text(good_channel(), 1)));
  ASSERT_TRUE(channel) << channel.error().message;
  EXPECT_EQ(channel->to_json(), good_channel());
  EXPECT_TRUE(channel->withdraws(label("1.2.2")));
  EXPECT_FALSE(channel->withdraws(label("1.2.3")));
}

// Book: JSON-06
TEST(ReleaseAndChannelDocuments, RefuseEveryWrongKindOfValue) {
  json::Object object;
  object.set("x", 1);
  const json::Value kinds[] = {nullptr, true, 7, "?", json::Array{json::Value("?")}, object};
  std::size_t rows = 0;
  const auto check = [&](const json::Value& good, const auto& verdict) {
    for (const JsonPath& path : paths_of(good)) {
      for (const json::Value& wrong : kinds) {
        if (wrong.kind() == at(good, path).kind()) continue;
        EXPECT_EQ(verdict(with(good, path, wrong)), "E_PARSE") << text_of(path) << " is " << wrong.kind();
        ++rows;
      }
    }
  };
  check(good_release(), release_verdict);
  check(good_channel(), channel_verdict);
  EXPECT_GE(rows, 150U);
}

// Book: JSON-06, TGT-06
TEST(ReleaseAndChannelDocuments, RefuseToMissAMember) {
  const auto check = [&](const json::Value& good, const auto& verdict, const std::set<std::string>& optional) {
    for (const JsonPath& path : paths_of(good)) {
      const json::Value parent = path.size() == 1 ? good : at(good, JsonPath(path.begin(), path.end() - 1));
      if (parent.object() == nullptr) continue;
      EXPECT_EQ(verdict(without(good, path)), optional.contains(text_of(path)) ? "accepted" : "E_PARSE")
          << text_of(path);
    }
  };
  check(good_release(), release_verdict, {"notes", "kind", "attachments", "bridges"});
  check(good_channel(), channel_verdict,
        {"state", "share", "ramp", "groups", "groups/lab", "urgent_below", "deadline"});
}

// Book: META-18
TEST(ReleaseAndChannelDocuments, PassOverMembersTheyDoNotKnow) {
  EXPECT_EQ(release_verdict(with(good_release(), {"sources"}, "x")), "accepted");
  EXPECT_EQ(release_verdict(with(good_release(), {"images", "0", "new"}, 1)), "accepted");
  EXPECT_EQ(channel_verdict(with(good_channel(), {"notes_url"}, json::Array{})), "accepted");
}

// Devices pass over what a newer Tenon may publish beside the payloads that they know.
TEST(ReleaseDocument, PassesOverPayloadsOfAKindThatItDoesNotKnow) {
  const Result<Release> release =
      Release::parse(as_bytes(json::to_text(with(good_release(), {"images", "0", "payloads", "1", "kind"}, "later"))));
  ASSERT_TRUE(release) << release.error().message;
  EXPECT_EQ(release->images.front().payloads[1].kind, "later");
  EXPECT_FALSE(release->images.front().payloads[1].delta);
}

// Book: TGT-09, TGT-10, TGT-18
TEST(ReleaseDocument, RefusesValuesOutsideTheirRange) {
  struct Row {
    JsonPath path;
    json::Value value;
    std::string code = "E_PARSE";
  };
  const JsonPath image = {"images", "0"};
  const auto in_image = [&](const JsonPath& rest) {
    JsonPath path = image;
    path.insert(path.end(), rest.begin(), rest.end());
    return path;
  };
  const Row rows[] = {
      {{"schema"}, 0},
      {{"schema"}, 2},
      {{"sequence"}, 0},
      {{"sequence"}, -1},
      {{"floor"}, 0},
      {{"floor"}, 8},  // above the release's own sequence
      {{"product"}, ""},
      {{"product"}, "../x"},
      {{"version"}, "1/2"},
      {{"version"}, ".1"},
      {{"version"}, std::string(65, '1')},
      {{"hardware"}, json::Array{}},
      {{"hardware", "0"}, "board a"},
      {{"images"}, json::Array{}},
      {in_image({"slot"}), "-x"},
      {in_image({"size"}), 0},
      {in_image({"size"}), -1},
      {in_image({"size"}), INT64_MAX, "E_LIMIT"},
      {in_image({"size"}), 150'000 + 65'536},  // one segment more than the list has
      {in_image({"sha256"}), ""},
      {in_image({"sha256"}), "../../../../etc/x"},
      {in_image({"sha256"}), std::string(64, 'A')},
      {in_image({"segment_size"}), 0},
      {in_image({"segment_size"}), 65'535},
      {in_image({"segment_size"}), 32'768},
      {in_image({"segment_size"}), 33'554'432},
      {in_image({"segment_size"}), -65'536},
      {in_image({"segments", "length"}), 95},
      {in_image({"segments", "length"}), 0},
      {in_image({"segments", "file"}), "a/b"},
      {in_image({"payloads"}), json::Array{}},
      {in_image({"payloads", "0", "file"}), ".."},
      {in_image({"payloads", "1", "file"}), "../x"},
      {in_image({"payloads", "1", "base", "size"}), 0},
      {in_image({"payloads", "1", "base", "size"}), -1},
      {in_image({"payloads", "1", "base", "sha256"}), std::string(64, 'A')},
      {in_image({"payloads", "1", "memory"}), -1},
      {in_image({"payloads", "2", "index"}), "../x"},
      {{"bridges"}, json::Array{}},
      {{"bridges", "0", "below"}, 0},
      {{"bridges", "0", "below"}, 1},  // no device runs less
      {{"bridges", "0", "below"}, -1},
      {{"bridges", "0", "below"}, 6},  // as the one after it
      {{"bridges", "1", "below"}, 3},
      {{"bridges", "1", "below"}, 2},
      {{"bridges", "1", "below"}, 7},  // the release's own: no older one is above it
      {{"bridges", "1", "below"}, INT64_MAX},
      {{"bridges", "0", "via"}, ""},
      {{"bridges", "0", "via"}, "../1"},
      {{"bridges", "0", "via"}, "1.2.3"},  // itself
  };
  for (const Row& row : rows) {
    EXPECT_EQ(release_verdict(with(good_release(), row.path, row.value)), row.code)
        << text_of(row.path) << " " << json::to_text(row.value);
  }
  EXPECT_EQ(release_verdict(good_release()), "accepted");
}

// Book: JSON-01
TEST(ReleaseDocument, RefusesTwoImagesForOneSlotClass) {
  const json::Value image = at(good_release(), {"images", "0"});
  EXPECT_EQ(release_verdict(with(good_release(), {"images"}, json::Array{image, image})), "E_PARSE");
  EXPECT_EQ(release_verdict(with(good_release(), {"images"}, json::Array{image, with(image, {"slot"}, "kernel")})),
            "accepted");
}

// Book: JSON-14
TEST(ReleaseDocument, RefusesMoreEntriesThanItsLimits) {
  const auto images = [](int count) {
    json::Array list;
    for (int i = 0; i < count; ++i) {
      list.push_back(with(at(good_release(), {"images", "0"}), {"slot"}, "slot" + std::to_string(i)));
    }
    return list;
  };
  EXPECT_EQ(release_verdict(with(good_release(), {"images"}, images(16))), "accepted");
  EXPECT_EQ(release_verdict(with(good_release(), {"images"}, images(17))), "E_PARSE");
  const auto bridges = [](std::int64_t count) {
    json::Array list;
    for (std::int64_t i = 0; i < count; ++i) {
      json::Object object;
      object.set("below", 2 + i);
      object.set("via", "1.0");
      list.push_back(std::move(object));
    }
    return with(with(good_release(), {"sequence"}, 100), {"bridges"}, list);
  };
  EXPECT_EQ(release_verdict(bridges(16)), "accepted");
  EXPECT_EQ(release_verdict(bridges(17)), "E_PARSE");
  const std::string large(policies::kMaxReleaseBytes, ' ');
  EXPECT_EQ(code_of(Release::parse(as_bytes(json::to_text(good_release()) + large))), "E_LIMIT");
}

// Book: JSON-06
TEST(ChannelDocument, RefusesValuesOutsideTheirRange) {
  struct Row {
    JsonPath path;
    json::Value value;
  };
  for (const Row& row : {Row{{"schema"}, 2}, Row{{"serial"}, 0}, Row{{"serial"}, -1}, Row{{"channel"}, "a/b"},
                         Row{{"product"}, ""}, Row{{"release"}, ".."}, Row{{"sha256"}, std::string(64, 'F')},
                         Row{{"sha256"}, std::string(63, 'f')}, Row{{"withdrawn", "0"}, "a b"}}) {
    EXPECT_EQ(channel_verdict(with(good_channel(), row.path, row.value)), "E_PARSE") << text_of(row.path);
  }
}

// Book: JSON-14
TEST(ChannelDocument, RefusesMoreThanItsLimits) {
  const auto withdrawn = [](int count) {
    json::Array list;
    for (int i = 0; i < count; ++i) list.push_back("v" + std::to_string(i));
    return list;
  };
  EXPECT_EQ(channel_verdict(with(good_channel(), {"withdrawn"}, withdrawn(1024))), "accepted");
  EXPECT_EQ(channel_verdict(with(good_channel(), {"withdrawn"}, withdrawn(1025))), "E_LIMIT");
  EXPECT_EQ(code_of(Channel::parse(Bytes(policies::kMaxChannelBytes + 1, ' '))), "E_LIMIT");
}

// Book: JSON-15
TEST(ReleaseAndChannelDocuments, RefuseFilesThatAreNone) {
  for (const char* text : {"", "null", "[]", "\"\"", "{}", "1", "{\"schema\":1,\"schema\":1}"}) {
    EXPECT_EQ(code_of(Release::parse(as_bytes(text))), "E_PARSE") << text;
    EXPECT_EQ(code_of(Channel::parse(as_bytes(text))), "E_PARSE") << text;
  }
}

// Book: TGT-12, TGT-14
TEST(Label, TakesNamesThatAreSafeEverywhere) {
  for (const std::string& good : {std::string("a"), std::string("1.2.3"), std::string("_x"), std::string("A-b_c.d~e"),
                                  std::string("1..2"), std::string(64, 'z')}) {
    EXPECT_EQ(code_of(Label::parse(good)), "accepted") << good;
  }
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".."), std::string(".a"), std::string("-a"), std::string("~a"),
        std::string("a/b"), std::string("a\\b"), std::string("a b"), std::string("a\nb"), std::string("a\0b", 3),
        std::string("a%2e"), std::string("a+b"), std::string("a:b"), std::string("$a"), std::string("\xC3\xA9"),
        std::string("a*"), std::string(65, 'z')}) {
    EXPECT_EQ(code_of(Label::parse(bad)), "E_PARSE") << bad;
  }
}

}  // namespace
}  // namespace tenon::tests
