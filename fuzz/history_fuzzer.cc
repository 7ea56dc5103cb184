// A history file of any bytes: it is read without harm, and what is appended to it is always read back.
//
// Input: the file.
#include <tenon/client/store/history_lines.h>
#include <tenon/metadata/check.h>

#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const tenon::ByteView file(data, size);
  const tenon::client::ReadHistory before = tenon::client::read_lines(file);
  tenon::Bytes grown(file.begin(), file.end());
  if (!grown.empty() && grown.back() != '\n') grown.push_back('\n');
  const tenon::client::StoredEvent event{
      .number = 7, .kind = "failure", .text = std::string(reinterpret_cast<const char*>(data), size)};
  const std::string line = tenon::client::write_line(event);
  TENON_CHECK(line.size() <= tenon::client::kMaxLineBytes && line.find('\n') == line.size() - 1);
  grown.insert(grown.end(), line.begin(), line.end());
  const tenon::client::ReadHistory after = tenon::client::read_lines(grown);
  // A last line without its end may have been whole but for that.
  TENON_CHECK(after.events.size() >= before.events.size() + 1 && after.events.back().number == 7);
  for (const tenon::client::StoredEvent& one : before.events) {
    const std::string again = tenon::client::write_line(one);
    TENON_CHECK(tenon::client::read_lines(tenon::to_bytes(again)).events.size() == 1);
  }
  return 0;
}
