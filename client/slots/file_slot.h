// FileSlot: one opened block device or plain file. It keeps the descriptor it was given and a second one of the same place
// that goes past the page cache, and never touches a byte outside the size that the place had then.
// Thread: as Slot says.
#pragma once

#include <tenon/client/ports/slots.h>

#include <memory>
#include <string>
#include <utility>

namespace tenon::client {

// SlotDescriptor owns a descriptor of the system; -1 is none.
class SlotDescriptor {
 public:
  explicit SlotDescriptor(int number) : number_(number) {}
  SlotDescriptor(SlotDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  SlotDescriptor& operator=(SlotDescriptor&&) = delete;
  ~SlotDescriptor();

  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_;
};

class FileSlot final : public Slot {
 public:
  // take asks the kernel for the size. shown is what messages call the slot. Errors: E_STORAGE.
  static Result<std::unique_ptr<Slot>> take(SlotDescriptor descriptor, std::string shown);

  std::uint64_t size() const override { return size_; }
  Result<void> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override;
  Result<void> write_at(std::uint64_t offset, ByteView data) override;
  Result<bool> punch(std::uint64_t offset, std::uint64_t length) override;
  Result<void> flush() override;
  void forget_cache() override;

 private:
  FileSlot(SlotDescriptor descriptor, SlotDescriptor direct, std::string shown, std::uint64_t size)
      : descriptor_(std::move(descriptor)), direct_(std::move(direct)), shown_(std::move(shown)), size_(size) {}

  Result<void> check_inside(std::uint64_t offset, std::uint64_t length) const;
  template <class Byte, class Call>
  Result<void> transfer(std::uint64_t offset, std::span<Byte> bytes, Call call, const std::string& failure) const;

  SlotDescriptor descriptor_;
  SlotDescriptor direct_;  // O_DIRECT; none where the file system refuses that
  std::string shown_;
  std::uint64_t size_;  // bytes, as it was when opened
};

}  // namespace tenon::client
