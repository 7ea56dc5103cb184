// The check value is that of every catalogue of CRCs (CRC-32/ISO-HDLC).
#include <tenon/metadata/crc32.h>

#include <gtest/gtest.h>

namespace tenon::tests {
namespace {

TEST(Crc32, HasTheCheckValueHoweverTheBytesCome) {
  const Bytes digits = to_bytes("123456789");
  EXPECT_EQ(crc32(digits), 0xCBF43926U);
  EXPECT_EQ(crc32({}), 0U);
  for (std::size_t cut = 0; cut <= digits.size(); ++cut) {
    EXPECT_EQ(crc32(ByteView(digits).subspan(cut), crc32(ByteView(digits).first(cut))), 0xCBF43926U) << cut;
  }
}

}  // namespace
}  // namespace tenon::tests
