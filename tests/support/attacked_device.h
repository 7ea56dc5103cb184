// AttackedDevice: a device that is served whatever somebody makes, and a record of what that led to. In every cycle it
// is asserted that no floor fell, that nothing expired or below a floor was accepted, and that the release that runs is
// never older than the one before.
// Thread: one.
#pragma once

#include <set>
#include <string>

#include <tests/support/product_history.h>
#include <tests/support/simulated_device.h>

namespace tenon::tests {

// What happened in a cycle:
//   "denied E_SIG"            the refresh or the search was refused, with its code
//   "up to date with 1.1.0"   what is served was accepted, and says that this is the current release
//   "held: older"             it was accepted, and its release is not for this device, for this reason
//   "runs 1.2.0"              a release was installed and confirmed, by what its image says of itself
//   "runs foreign"            ... whose image the honest publisher has never signed; "for-board-b" if it is one of those
//   "armed"                   a release was installed, and waits for the boot
//   "rolled back 1.0.0"       a release was installed, and not confirmed
//   "forged targets"          the stored file of that role is none that the honest publisher made
//   "mixed"                   the snapshot lists files that were all published, but never together
//   "leapt"                   the floor of timestamp is 2^63-1
using Events = std::set<std::string>;

class AttackedDevice {
 public:
  // A device from the factory, that knows nothing but the first root. Caller must keep the history alive.
  explicit AttackedDevice(const ProductHistory& history);
  AttackedDevice(const AttackedDevice&) = delete;

  // cycle is one check of the daemon against a repository, with the boots that follow.
  Events cycle(const RepositorySimulator& repository);

  // take_state makes this device one that has lived as the other one did.
  void take_state(AttackedDevice& other);

  bool floors_may_fall = false;  // keys were rotated
  bool boots = true;             // false: what is installed waits for a boot ("armed")

 private:
  void check_what_was_accepted(const metadata::VersionFloors& floors);
  void boot_the_trial(Events& events);
  void look_at_files(Events& events);

  const ProductHistory* history_;
  RepositorySimulator served_;

 public:
  SimulatedDevice device;
};

}  // namespace tenon::tests
