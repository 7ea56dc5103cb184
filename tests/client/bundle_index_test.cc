// The index of a bundle: what was written is found again, and a tar that is hostile, damaged or cut is refused as a whole.
#include <gtest/gtest.h>
#include <tests/client/bundle_bytes.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using client::BundleIndex;

const std::string kDigest(64, 'a');

Members some_members() {
  return {{"metadata/2.root.json", to_bytes("root")},
          {"metadata/timestamp.json", {}},
          {"targets/demo/releases/1.0.0/" + kDigest + ".release.json", Bytes(512, 'r')},
          {"targets/demo/releases/1.0.0/" + kDigest + ".rootfs.full", Bytes(1500, 'p')}};
}

// Names at every limit of the header's two fields.
std::vector<std::string> awkward_names() {
  const auto letters = [](std::size_t count) { return std::string(count, 'n'); };
  return {"targets/" + letters(92),                        // 100 bytes: fits the name
          "targets/" + letters(93),                        // 101 without a '/' that helps
          "targets/" + letters(50) + "/" + letters(100),   // a prefix and a full name
          "targets/" + letters(146) + "/" + letters(100),  // a prefix of 154 bytes
          "targets/" + letters(147) + "/" + letters(100),  // of 155, which is full
          "targets/" + letters(148) + "/" + letters(100),  // of 156: pax
          "targets/a/" + letters(101),                     // the last part is too long: pax
          "targets/" + letters(60) + "/" + letters(60) + "/" + letters(60) + "/" + letters(60),
          "targets/\xC3\xA4/" + letters(80) + "\xE2\x82\xAC" + letters(80),
          "targets/" + letters(4096 - 8)};
}

TEST(BundleIndex, GivesBackWhatWasWritten) {
  Members members = some_members();
  for (const std::string& name : awkward_names()) members.emplace_back(name, to_bytes(name));
  const Bytes tar = bundle_of(members);
  const Result<BundleIndex> index = index_of(tar);
  ASSERT_TRUE(index) << index.error().message;
  EXPECT_EQ(index->members().size(), members.size());
  for (const auto& [name, content] : members) {
    SCOPED_TRACE(name);
    const BundleIndex::Member* member = index->find(name);
    ASSERT_NE(member, nullptr);
    ASSERT_EQ(member->size, content.size());
    EXPECT_TRUE(std::equal(content.begin(), content.end(), tar.begin() + static_cast<std::ptrdiff_t>(member->offset)));
  }
  EXPECT_EQ(index->find("metadata/3.root.json"), nullptr);
}

TEST(BundleIndex, ReadsWhatTarMakesOfFiles) {
  Bytes tar = TarEntry{.name = "1.0.0/file", .size = "00000000003", .prefix = "targets/demo"}.block();
  append_content(tar, to_bytes("abc"));
  tar = with_end(std::move(tar));
  tar.resize(10'240);  // tar fills its last record
  tar.back() = 'x';    // and nobody reads it
  const Result<BundleIndex> index = index_of(tar);
  ASSERT_TRUE(index) << index.error().message;
  EXPECT_EQ(index->members(), (std::vector<BundleIndex::Member>{{"targets/demo/1.0.0/file", 512, 3}}));
}

TEST(BundleIndex, OfABundleThatWasCutAnywhereIsRefused) {
  const Bytes whole = bundle_of(some_members());
  ASSERT_TRUE(index_of(whole));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const Result<BundleIndex> index =
        index_of(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
    ASSERT_EQ(code_of(index), "E_PARSE") << length;
    EXPECT_NE(index.error().hint.find("copy the file again"), std::string::npos) << index.error().message;
  }
}

// What a file system may leave of a file whose end was not written when the power went.
TEST(BundleIndex, OfABundleWhoseRestIsZerosIsRefused) {
  Members members = some_members();
  members.emplace_back("targets/large", Bytes(50'000, 'l'));
  const Bytes whole = bundle_of(members);
  for (std::size_t written = 0; written + 50'000 < whole.size(); written += 512) {
    Bytes zeros = whole;
    std::fill(zeros.begin() + static_cast<std::ptrdiff_t>(written), zeros.end(), std::uint8_t{0});
    const Result<BundleIndex> index = index_of(zeros);
    // Zeros in a file's content are for its digest to notice.
    const bool cuts_content = index && index->find("targets/large") != nullptr;
    EXPECT_TRUE(cuts_content || code_of(index) == "E_PARSE") << written;
  }
}

TEST(BundleIndex, NoticesEveryBitOfAHeaderThatIsFlipped) {
  const std::string long_name = "targets/" + std::string(200, 'n');
  const Bytes whole = bundle_of({{"metadata/timestamp.json", to_bytes("t")}, {long_name, to_bytes("n")}});
  // The headers of the first member, of pax and of the second, and the two blocks of the end.
  for (const std::size_t block : {0U, 2U, 4U, 6U, 7U}) {
    for (std::size_t bit = 0; bit < 512 * 8; ++bit) {
      Bytes flipped = whole;
      flipped[block * 512 + bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      ASSERT_EQ(code_of(index_of(flipped)), "E_PARSE") << "block " << block << ", bit " << bit;
    }
  }
}

TEST(BundleIndex, RefusesANameThatIsThereTwice) {
  Members members = some_members();
  members.push_back(members[1]);
  EXPECT_EQ(code_of(index_of(bundle_of(members))), "E_PARSE");
  // ... also when it is spelled in two ways.
  Bytes tar = TarEntry{.name = "targets/demo/file"}.block();
  append(tar, TarEntry{.name = "demo/file", .prefix = "targets"}.block());
  EXPECT_EQ(code_of(index_of(with_end(std::move(tar)))), "E_PARSE");
}

// Book: TGT-07
TEST(BundleIndex, RefusesNamesThatAreNoPlainOnesBelowTheTwoFolders) {
  for (const std::string name : {"/etc/passwd",
                                 "../targets/file",
                                 "targets/../../etc/passwd",
                                 "targets/..",
                                 "targets/./file",
                                 "./targets/file",
                                 "targets//file",
                                 "targets/",
                                 "targets",
                                 "metadata/",
                                 "metadata/deep/1.root.json",
                                 "other/file",
                                 "file",
                                 "",
                                 "targets\\file",
                                 "targets/a\\b",
                                 "targets/a\nb",
                                 "targets/\xFF",
                                 "metadata/..",
                                 "Targets/file"}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(code_of(index_of(with_end(TarEntry{.name = name}.block()))), "E_PARSE");
    EXPECT_EQ(code_of(client::member_header(name, 0)), "E_PARSE");
  }
  EXPECT_EQ(code_of(index_of(with_end(TarEntry{.name = "passwd", .prefix = "targets/../.."}.block()))), "E_PARSE");
}

TEST(BundleIndex, RefusesWhatIsNoRegularFile) {
  for (const char type : {'1', '2', '3', '4', '5', '6', '7', 'g', 'L', 'K', 'S', 'A', '\0'}) {
    EXPECT_EQ(code_of(index_of(with_end(TarEntry{.type = type}.block()))), "E_PARSE") << type;
  }
}

TEST(BundleIndex, RefusesForeignFormsAndSizesThatAreNone) {
  EXPECT_EQ(code_of(index_of(with_end(TarEntry{.magic = std::string("ustar  \0", 8)}.block()))), "E_PARSE");  // GNU
  EXPECT_EQ(code_of(index_of(with_end(TarEntry{.magic = std::string(8, '\0')}.block()))), "E_PARSE");         // 1979
  const std::string gnu("\x80\0\0\0\0\0\0\0\0\0\0\1", 12);  // base 256
  for (const std::string& size :
       std::initializer_list<std::string>{"", " 0", "-1", "0000000000x", "00000000008", gnu}) {
    EXPECT_EQ(code_of(index_of(with_end(TarEntry{.size = size}.block()))), "E_PARSE") << size;
  }
}

TEST(BundleIndex, RefusesASizeThatGoesPastTheEnd) {
  for (const std::string size : {"00000002001", "00000003001", "77777777777"}) {  // 1025 and more: only the end follows
    EXPECT_EQ(code_of(index_of(with_end(TarEntry{.size = size}.block()))), "E_PARSE") << size;
  }
}

Bytes with_records(const std::string& records, const TarEntry& member = {}) {
  char size[12];
  std::snprintf(size, sizeof size, "%011zo", records.size());
  Bytes tar = TarEntry{.name = "x", .size = size, .type = 'x'}.block();
  append_content(tar, to_bytes(records));
  append(tar, member.block());
  return with_end(std::move(tar));
}

TEST(BundleIndex, RefusesRecordsThatAreNotOfABundle) {
  ASSERT_EQ(code_of(index_of(with_records("17 path=targets/a\n"))), "E_PARSE");  // one byte short
  ASSERT_EQ(code_of(index_of(with_records("18 path=targets/a\n"))), "accepted");
  for (const std::string& records : std::initializer_list<std::string>{
           "18 path=targets/a\n18 path=targets/b\n", "18 path=targets/a", "19 path=targets/a\n",
           std::string("18 path=targets/a\n\0", 19), "20 mtime=1700000000\n", "13 comment=a\n", "018path=targets/a\n",
           " path=targets/a\n", "-1 path=targets/a\n", "18446744073709551616 path=a\n", "9 size=x\n", "9 size=\n",
           "8 size=\n", "32 size=18446744073709551616000\n", "29 size=18446744073709551615\n",
           "28 size=9223372036854775807\n", "9 path=/\n", "17 path=../etc/x\n", "3 \n"}) {
    EXPECT_EQ(code_of(index_of(with_records(records))), "E_PARSE") << records;
  }
  EXPECT_EQ(code_of(index_of(with_records("18 path=targets/a\n", {.type = 'x'}))), "E_PARSE");  // pax after pax
  EXPECT_EQ(code_of(index_of(with_records(std::string(8193, '9')))), "E_LIMIT");
}

// A file of which only some bytes are not zero, of any size.
Result<BundleIndex> index_of_sparse(std::uint64_t size, const std::map<std::uint64_t, Bytes>& blocks) {
  return BundleIndex::read(size, [&](std::uint64_t offset, std::span<std::uint8_t> into) -> Result<void> {
    std::ranges::fill(into, std::uint8_t{0});
    if (const auto at = blocks.find(offset); at != blocks.end()) {
      std::copy_n(at->second.begin(), std::min(into.size(), at->second.size()), into.begin());
    }
    return {};
  });
}

TEST(BundleIndex, FindsAMemberOfMoreThanEightGibibytes) {
  for (const std::uint64_t size : {client::kMaxUstarSize, client::kMaxUstarSize + 1, std::uint64_t{1} << 40}) {
    const Bytes header = *client::member_header("targets/huge", size);
    EXPECT_EQ(header.size(), size > client::kMaxUstarSize ? 1536U : 512U);
    std::map<std::uint64_t, Bytes> blocks;
    for (std::size_t at = 0; at < header.size(); at += 512) {
      blocks[at] = Bytes(header.begin() + static_cast<std::ptrdiff_t>(at),
                         header.begin() + static_cast<std::ptrdiff_t>(at + 512));
    }
    const std::uint64_t end = header.size() + client::padded(size) + 1024;
    const Result<BundleIndex> index = index_of_sparse(end, blocks);
    ASSERT_TRUE(index) << index.error().message;
    EXPECT_EQ(index->members(), (std::vector<BundleIndex::Member>{{"targets/huge", header.size(), size}}));
    EXPECT_EQ(code_of(index_of_sparse(end - 512, blocks)), "E_PARSE");
  }
}

TEST(BundleIndex, HoldsABoundedNumberOfMembersAndOfBytesOfNames) {
  const auto count_limit = [](std::uint64_t count) {
    return BundleIndex::read(
        (count + 2) * 512, [&](std::uint64_t offset, std::span<std::uint8_t> into) -> Result<void> {
          const std::uint64_t number = offset / 512;
          const Bytes block =
              number < count ? *client::member_header("targets/" + std::to_string(number), 0) : Bytes(into.size());
          std::ranges::copy(block, into.begin());
          return {};
        });
  };
  EXPECT_EQ(code_of(count_limit(client::kMaxBundleMembers)), "accepted");
  EXPECT_EQ(code_of(count_limit(client::kMaxBundleMembers + 1)), "E_LIMIT");

  Bytes tar;
  for (std::size_t i = 0; i <= client::kMaxBundleNameBytes / 4096; ++i) {
    append(tar, *client::member_header("targets/" + std::to_string(10'000 + i) + std::string(4096 - 13, 'n'), 0));
  }
  EXPECT_EQ(code_of(index_of(with_end(std::move(tar)))), "E_LIMIT");
  EXPECT_EQ(code_of(client::member_header("targets/" + std::string(4089, 'n'), 0)), "E_LIMIT");
}

TEST(BundleIndex, OfAnEmptyBundleHasNoMembers) {
  EXPECT_TRUE(index_of(with_end({}))->members().empty());
}

}  // namespace
}  // namespace tenon::tests
