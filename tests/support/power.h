// Power: counts the durable writes of all the fakes that share it and fails after a given number, as when the plug is
// pulled: that write and everything after it does not happen, and nothing answers until restore().
//
//   Power power;
//   power.cut_after(3);            // three writes happen, the fourth does not
//   ... run ...
//   power.restore();               // the next start of the device
//
// Or it lets some writes fail and stays on, as a medium does that is full or wears out.
#pragma once

#include <tenon/metadata/result.h>

#include <cstddef>
#include <mutex>
#include <optional>

namespace tenon::tests {

class Power {
 public:
  void cut_after(std::size_t writes) {
    const std::lock_guard lock(mutex_);
    left_ = writes;
  }
  // refuse_after lets so many writes happen; of those after them, so many fail.
  void refuse_after(std::size_t writes, std::size_t refusals) {
    const std::lock_guard lock(mutex_);
    until_refusal_ = writes;
    refusals_ = refusals;
  }
  void restore() {
    const std::lock_guard lock(mutex_);
    left_.reset();
    off_ = false;
    refusals_ = 0;
  }
  bool is_off() const {
    const std::lock_guard lock(mutex_);
    return off_;
  }
  // writes counts those that happened, over all cuts.
  std::size_t writes() const {
    const std::lock_guard lock(mutex_);
    return writes_;
  }

  // spend is called before each durable write. Errors: the given code, when the power is off or the write is refused.
  Result<void> spend(ErrorCode code) {
    const std::lock_guard lock(mutex_);
    if (left_ && *left_ == 0) off_ = true;
    if (off_) return Error{code, "the power is off"};
    if (refusals_ > 0 && until_refusal_ == 0) {
      --refusals_;
      return Error{code, "the medium does not take it"};
    }
    if (until_refusal_ > 0) --until_refusal_;
    if (left_) --*left_;
    ++writes_;
    return {};
  }
  Result<void> check(ErrorCode code) const {
    if (is_off()) return Error{code, "the power is off"};
    return {};
  }

 private:
  mutable std::mutex mutex_;  // a slot is read on one thread and written on another
  std::optional<std::size_t> left_;
  bool off_ = false;
  std::size_t until_refusal_ = 0;
  std::size_t refusals_ = 0;
  std::size_t writes_ = 0;
};

}  // namespace tenon::tests
