#include <tenon/repo_tools/progress_meter.h>

#include <memory>

#include <gtest/gtest.h>

namespace tenon::repo_tools {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// A meter over a clock that goes on by a second with every look, and what it has written.
class Meter {
 public:
  explicit Meter(bool is_terminal) : meter(out_.get(), is_terminal, [this] { return seconds_++; }) {}

  std::string text() {
    std::fflush(out_.get());
    std::rewind(out_.get());
    std::string all(4096, '\0');
    all.resize(std::fread(all.data(), 1, all.size(), out_.get()));
    return all;
  }

 private:
  std::unique_ptr<std::FILE, CloseFile> out_{std::tmpfile()};
  double seconds_ = 0;

 public:
  ProgressMeter meter;
};

TEST(ProgressMeter, WritesOneLineForEveryTenPercentWithoutATerminal) {
  Meter meter(false);
  meter.meter.begin("rootfs", 1000);
  for (std::uint64_t done = 1; done <= 1000; ++done) meter.meter.advance(done);
  meter.meter.end();
  const std::string text = meter.text();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 10);
  EXPECT_NE(text.find("rootfs 100 %"), std::string::npos);
  EXPECT_EQ(text.find('\033'), std::string::npos);
}

TEST(ProgressMeter, ShowsRateAndTimeLeftOnATerminal) {
  Meter meter(true);
  meter.meter.begin("rootfs", 100u << 20);
  meter.meter.advance(10u << 20);
  meter.meter.advance(20u << 20);
  EXPECT_NE(meter.text().find(" 20 %  10.0 MiB/s  8 s left"), std::string::npos) << meter.text();
}

TEST(Sizes, AreWrittenForPeople) {
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(1023), "1023 B");
  EXPECT_EQ(size_text(1536), "1.5 KiB");
  EXPECT_EQ(size_text(std::uint64_t{5} << 40), "5.0 TiB");
}

}  // namespace
}  // namespace tenon::repo_tools
