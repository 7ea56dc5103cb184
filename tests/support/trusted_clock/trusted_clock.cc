// Preloaded into a program under test: the kernel says that its clock follows others, whatever this machine's does.
#include <sys/timex.h>

extern "C" int adjtimex(timex* clock) noexcept {
  *clock = {};
  return TIME_OK;
}
