#include <tenon/client/health/child_process.h>
#include <tenon/client/health/command_link.h>
#include <tenon/metadata/utf8.h>

#include <sys/wait.h>

namespace tenon::client {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);

}  // namespace

bool CommandLink::is_metered() {
  if (argv_.empty()) return false;
  const Result<ChildEnd> end = run_child(argv_, kPatience, 0);
  const bool has_said = end && !end->timed_out && WIFEXITED(end->wait_status) && WEXITSTATUS(end->wait_status) <= 1;
  if (has_said) return WEXITSTATUS(end->wait_status) == 0;
  const std::string why = end ? "it did not end with exit status 0 or 1" : end.error().message;
  reporter_->warn("whether the link is metered cannot be told: " + printable(argv_.front()) + ": " + printable(why));
  return false;
}

}  // namespace tenon::client
