// ByteMutations: every file that differs from a given one by one byte or one window, numbered: each byte in place of
// each other, each byte gone, each byte more at each place, each shorter file, each window of 16 bytes twice.
// Thread: immutable.
//
//   const ByteMutations mutations(file);
//   for (std::size_t i = 0; i < mutations.count(); ++i) judge(mutations.make(i));
#pragma once

#include <tenon/metadata/bytes.h>

#include <cstddef>
#include <string>

namespace tenon::tests {

class ByteMutations {
 public:
  // Pre: not empty.
  explicit ByteMutations(Bytes file);

  std::size_t count() const;
  // make Pre: index < count().
  Bytes make(std::size_t index) const;
  // describe says what was done, for messages: "byte 17 is 0x22".
  std::string describe(std::size_t index) const;
  const Bytes& file() const { return file_; }

 private:
  enum class Kind { kSubstitute, kDelete, kInsert, kTruncate, kDuplicate };
  struct Mutation {
    Kind kind;
    std::size_t at;
    std::uint8_t value;
  };
  Mutation mutation(std::size_t index) const;

  Bytes file_;
};

}  // namespace tenon::tests
