// A disk for what must be page cache of a block device: a second device of compressed RAM (zram, which is charged to
// nobody) with an ext4 file system, made when the order asks for it. Pages of equal words take no RAM there.

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/file.h"
#include "base/scanner.h"
#include "vm/ext_format.h"
#include "vm/guest.h"
#include "vm/vm.h"

namespace vm {

namespace {

// Reading the control file makes a device and tells its number.
base::Result<unsigned> add_zram() {
  constexpr const char* kHotAdd = "/sys/class/zram-control/hot_add";
  TRY_ASSIGN(const auto text, base::read_all(kHotAdd, 64));
  const auto number = base::Scanner(text).number<unsigned>();
  if (!number) {
    return base::expected_but_got("the number of a zram device", text);
  }
  return *number;
}

base::Result<> write_to(const std::string& path, std::string_view value) {
  const base::Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || ::write(file.get(), value.data(), value.size()) < 0) {
    return base::system_error(path);
  }
  return {};
}

}  // namespace

base::Result<> make_disk(std::uint64_t wanted_bytes, const std::string& uuid) {
  const std::uint64_t bytes = (wanted_bytes + kExtGroupBytes - 1) / kExtGroupBytes * kExtGroupBytes;
  TRY_ASSIGN(const auto pieces, format_ext4(bytes, uuid));
  TRY_ASSIGN(const auto number, add_zram());
  TRY(write_to(fmt::format("/sys/block/zram{}/disksize", number), std::to_string(bytes)));
  const auto path = fmt::format("/dev/zram{}", number);
  const base::Fd device(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!device) {
    return base::system_error(path);
  }
  for (const auto& [place, text] : pieces) {
    if (::lseek(device.get(), static_cast<off_t>(place), SEEK_SET) < 0) {
      return base::system_error(path);
    }
    TRY(base::write_all(device.get(), text));
  }
  if (::fsync(device.get()) != 0) {
    return base::system_error(path);
  }
  if (::mkdir(kScratchDisk, 0755) != 0 && errno != EEXIST) {
    return base::system_error(kScratchDisk);
  }
  // discard: what a deleted file held is given back.
  if (::mount(path.c_str(), kScratchDisk, "ext4", MS_NOSUID | MS_NODEV | MS_NOATIME, "discard") != 0) {
    return base::system_error(fmt::format("mount {}", kScratchDisk));
  }
  return {};
}

}  // namespace vm
