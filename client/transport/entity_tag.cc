#include <tenon/client/transport/entity_tag.h>

#include <algorithm>

namespace tenon::client {
namespace {

constexpr std::size_t kMaxTagBytes = 256;  // servers send below 100

bool is_tag_character(char c) {
  return c > ' ' && c < '\x7f' && c != '"';
}

}  // namespace

std::optional<std::string> strong_entity_tag(std::string_view value) {
  if (value.size() < 2 || value.size() > kMaxTagBytes || value.front() != '"' || value.back() != '"') {
    return std::nullopt;
  }
  if (!std::ranges::all_of(value.substr(1, value.size() - 2), is_tag_character)) return std::nullopt;
  return std::string(value);
}

}  // namespace tenon::client
