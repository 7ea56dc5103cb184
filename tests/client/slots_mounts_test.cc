// What /proc/self/mountinfo says, read as proc(5) describes it.
#include <tenon/client/slots/mounts.h>

#include <gtest/gtest.h>

namespace tenon::client {
namespace {

TEST(Mounts, AreReadWithAnyNumberOfOptionalFields) {
  const auto mounts = parse_mounts(
      "36 35 98:0 / /mnt1 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\n"
      "37 35 179:3 / / ro - ext4 /dev/mmcblk0p3 ro\n");
  ASSERT_EQ(mounts.size(), 2u);
  EXPECT_EQ(mounts[0], (Mount{98, 0, "/mnt1", "/dev/root"}));
  EXPECT_EQ(mounts[1], (Mount{179, 3, "/", "/dev/mmcblk0p3"}));
}

TEST(Mounts, ReadTheEscapesOfTheKernel) {
  const auto mounts = parse_mounts("37 35 8:1 / /mnt/a\\040b\\134c rw - ext4 /dev/disk\\011x rw\n");
  ASSERT_EQ(mounts.size(), 1u);
  EXPECT_EQ(mounts[0].mount_point, "/mnt/a b\\c");
  EXPECT_EQ(mounts[0].source, "/dev/disk\tx");
}

TEST(Mounts, LeaveOutLinesOfAnotherForm) {
  EXPECT_TRUE(parse_mounts("").empty());
  EXPECT_TRUE(parse_mounts("\n\nhello\n1 2 x:1 / /a rw - t s\n1 2 3 / /a rw - t s\n1 2 3:-1 / /a rw - t s\n").empty());
  EXPECT_EQ(parse_mounts("1 2 3:4 / /a rw -").size(), 1u);
}

}  // namespace
}  // namespace tenon::client
