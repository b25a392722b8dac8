// The host's files in the guest: the kernel's FUSE client at /.lower, whose server is in the host's process, and an
// overlay above it. Two processes move the messages, one per direction, because a blocking read is the shortest way
// between two descriptors; both are locked into memory and never chosen by the OOM killer: what waits for a host file
// must not wait for them.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>

#include <fmt/format.h>

#include "base/file.h"
#include "vm/file_server.h"
#include "vm/guest.h"
#include "vm/vm.h"

namespace vm {

namespace {

constexpr const char* kLower = "/.lower";
constexpr const char* kUpper = "/.upper";
constexpr std::size_t kLargestReply = FileServer::kMaxReadBytes + 4096;

// /dev/fuse -> port. Each read(2) gives one whole request.
void move_requests(int fuse, int port) {
  static std::array<char, FileServer::kMaxRequestBytes> buffer;  // locked before it is used, as all that is static
  while (true) {
    const ssize_t got = ::read(fuse, buffer.data(), buffer.size());
    if (got < 0 &&
        (errno == EINTR || errno == ENOENT || errno == EAGAIN)) {  // ENOENT: it was interrupted while it was being read
      continue;
    }
    if (got <= 0 || !base::write_all(port, {buffer.data(), static_cast<std::size_t>(got)})) {
      return;
    }
  }
}

// port -> /dev/fuse, which wants each reply in one write(2). The port gives at most a page at a time.
void move_replies(int port, int fuse) {
  static std::array<char, kLargestReply> buffer;
  std::size_t end = 0;
  while (true) {
    const ssize_t got = ::read(port, buffer.data() + end, buffer.size() - end);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return;
    }
    end += static_cast<std::size_t>(got);
    std::size_t begin = 0;
    while (end - begin >= sizeof(std::uint32_t)) {
      const std::size_t length = FileServer::message_bytes({buffer.data() + begin, end - begin});
      if (length < sizeof(std::uint32_t) || length > buffer.size()) {
        return;
      }
      if (end - begin < length) {
        break;
      }
      // ENOENT: nobody waits for this one any more.
      if (::write(fuse, buffer.data() + begin, length) < 0 && errno == ENODEV) {
        return;
      }
      begin += length;
    }
    std::memmove(buffer.data(), buffer.data() + begin, end - begin);
    end -= begin;
  }
}

// Starts to move at the end of the pipe `go`, whose writing end must not live on in the process itself.
base::Result<pid_t> start_mover(const char* name, const base::Fd& go_read, base::Fd& go_write,
                                const std::function<void()>& move) {
  const pid_t pid = ::fork();
  if (pid < 0) {
    return base::system_error("fork");
  }
  if (pid == 0) {
    go_write.reset();
    (void)::prctl(PR_SET_NAME, name);            // for people who look
    (void)::mlockall(MCL_CURRENT | MCL_FUTURE);  // root of the guest has no limit; unlocked it would work, too
    char none = 0;
    while (::read(go_read.get(), &none, 1) < 0 && errno == EINTR) {
    }
    move();
    ::_exit(1);
  }
  return pid;
}

base::Result<> mount_at(const char* source, const std::string& target, const char* type, unsigned long flags,
                        const std::string& options = {}) {
  if (::mkdir(target.c_str(), 0755) != 0 && errno != EEXIST) {
    return base::system_error(fmt::format("mkdir {}", target));
  }
  if (::mount(source, target.c_str(), type, flags, options.c_str()) != 0) {
    return base::system_error(fmt::format("mount {}", target));
  }
  return {};
}

base::Result<> mount_overlay() {
  const std::string files = fmt::format("{}/files", kUpper), work = fmt::format("{}/work", kUpper);
  struct stat root{};
  if (::stat(kLower, &root) != 0 || ::mkdir(files.c_str(), root.st_mode & 07777) != 0 ||
      ::mkdir(work.c_str(), 0755) != 0) {
    return base::system_error(kUpper);
  }
  return mount_at("host", kHostRoot, "overlay", 0,
                  fmt::format("lowerdir={},upperdir={},workdir={},redirect_dir=on,index=off,xino=off,volatile", kLower,
                              files, work));
}

base::Result<> mount_own_folders() {
  const std::string host = kHostRoot;
  for (const char* own : {"/proc", "/sys", "/dev"}) {
    TRY(mount_at(own, host + own, nullptr, MS_BIND | MS_REC));
  }
  TRY(mount_at("tmpfs", host + "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"));
  if (::access(kScratchDisk, F_OK) == 0) {
    return mount_at(kScratchDisk, host + kScratchDisk, nullptr, MS_BIND);
  }
  return {};
}

}  // namespace

base::Result<HostFiles> HostFiles::prepare(int files_port) {
  const base::Fd fuse(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!fuse) {
    return base::system_error("/dev/fuse");
  }
  TRY(mount_at("host", kLower, "fuse", MS_RDONLY | MS_NODEV,
               fmt::format("fd={},rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other,max_read={}",
                           fuse.get(), FileServer::kMaxReadBytes)));
  TRY(mount_at("tmpfs", kUpper, "tmpfs", 0, "size=75%,mode=0755"));
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
    return base::system_error("pipe2");
  }
  const base::Fd go_read(pipe[0]);
  HostFiles files;
  files.go_.reset(pipe[1]);
  TRY_ASSIGN(files.movers_[0],
             start_mover("files-requests", go_read, files.go_, [&] { move_requests(fuse.get(), files_port); }));
  TRY_ASSIGN(files.movers_[1],
             start_mover("files-replies", go_read, files.go_, [&] { move_replies(files_port, fuse.get()); }));
  return files;
}

base::Result<std::vector<pid_t>> HostFiles::mount() {
  go_.reset();
  TRY(mount_overlay());
  TRY(mount_own_folders());
  return std::vector<pid_t>(movers_.begin(), movers_.end());
}

}  // namespace vm
