#include "vm/file_server.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include <fmt/format.h>

namespace vm {

namespace {

constexpr std::uint64_t kCacheSeconds = 3600;

// The fixed part of a request; nothing when it is too short.
template <typename T>
std::optional<T> fixed_part(std::string_view body) {
  T value{};
  if (body.size() < sizeof value) {
    return std::nullopt;
  }
  body.copy(reinterpret_cast<char*>(&value), sizeof value);
  return value;
}

template <typename T>
void append(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

fuse_attr attributes_of(const struct stat& status, std::uint64_t inode) {
  fuse_attr attr{};
  attr.ino = inode;
  attr.size = static_cast<std::uint64_t>(status.st_size);
  attr.blocks = static_cast<std::uint64_t>(status.st_blocks);
  attr.atime = static_cast<std::uint64_t>(status.st_atim.tv_sec);
  attr.mtime = static_cast<std::uint64_t>(status.st_mtim.tv_sec);
  attr.ctime = static_cast<std::uint64_t>(status.st_ctim.tv_sec);
  attr.atimensec = static_cast<std::uint32_t>(status.st_atim.tv_nsec);
  attr.mtimensec = static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
  attr.ctimensec = static_cast<std::uint32_t>(status.st_ctim.tv_nsec);
  attr.mode = status.st_mode;
  attr.nlink = static_cast<std::uint32_t>(status.st_nlink);
  attr.uid = status.st_uid;
  attr.gid = status.st_gid;
  attr.rdev = static_cast<std::uint32_t>(status.st_rdev);
  attr.blksize = static_cast<std::uint32_t>(status.st_blksize);
  return attr;
}

fuse_entry_out entry_of(const FileNodes::Entry& entry, FileNodes& nodes) {
  fuse_entry_out out{};
  out.nodeid = entry.node;
  out.entry_valid = kCacheSeconds;
  out.attr_valid = kCacheSeconds;
  out.attr = attributes_of(entry.status, nodes.inode_of(entry.status.st_dev, entry.status.st_ino));
  return out;
}

// One entry of a folder as getdents64(2) writes it (linux_dirent64).
struct FolderEntry {
  std::uint64_t inode = 0;
  std::int64_t next_offset = 0;
  unsigned char type = 0;
  std::string_view name;
};

// Cuts the next one off the front.
FolderEntry next_entry(std::string_view& entries) {
  constexpr std::size_t kLengthAt = 16, kTypeAt = 18, kNameAt = 19;
  FolderEntry entry;
  std::uint16_t length = 0;
  std::memcpy(&entry.inode, entries.data(), sizeof entry.inode);
  std::memcpy(&entry.next_offset, entries.data() + sizeof entry.inode, sizeof entry.next_offset);
  std::memcpy(&length, entries.data() + kLengthAt, sizeof length);
  entry.type = static_cast<unsigned char>(entries[kTypeAt]);
  entry.name = entries.data() + kNameAt;
  entries.remove_prefix(length);
  return entry;
}

void append_name(std::string& out, const FolderEntry& entry, std::uint64_t inode) {
  fuse_dirent head{};
  head.ino = inode;
  head.off = static_cast<std::uint64_t>(entry.next_offset);
  head.namelen = static_cast<std::uint32_t>(entry.name.size());
  head.type = entry.type;
  out.append(reinterpret_cast<const char*>(&head), FUSE_NAME_OFFSET);
  out.append(entry.name);
  out.append(FUSE_DIRENT_ALIGN(entry.name.size()) - entry.name.size(), '\0');
}

bool would_write(std::uint32_t opcode) {
  constexpr std::uint32_t kWriters[] = {
      FUSE_SETATTR,   FUSE_SYMLINK, FUSE_MKNOD,           FUSE_MKDIR,        FUSE_UNLINK, FUSE_RMDIR,
      FUSE_RENAME,    FUSE_LINK,    FUSE_WRITE,           FUSE_SETXATTR,     FUSE_CREATE, FUSE_REMOVEXATTR,
      FUSE_FALLOCATE, FUSE_RENAME2, FUSE_COPY_FILE_RANGE, FUSE_SETUPMAPPING, 51 /* FUSE_TMPFILE */};
  return std::ranges::find(kWriters, opcode) != std::end(kWriters);
}

Outcome<> init(std::string_view body, std::string& out) {
  const auto request = fixed_part<std::array<std::uint32_t, 4>>(body);  // major, minor, max_readahead, flags
  if (!request || (*request)[0] != FUSE_KERNEL_VERSION || (*request)[1] < 23) {
    return std::unexpected(EPROTO);
  }
  fuse_init_out reply{};
  reply.major = FUSE_KERNEL_VERSION;
  reply.minor = std::min<std::uint32_t>(FUSE_KERNEL_MINOR_VERSION, (*request)[1]);
  reply.max_readahead = FileServer::kMaxReadBytes;
  reply.flags =
      (*request)[3] & (FUSE_ASYNC_READ | FUSE_PARALLEL_DIROPS | FUSE_CACHE_SYMLINKS | FUSE_MAX_PAGES |
                       FUSE_NO_OPEN_SUPPORT | FUSE_NO_OPENDIR_SUPPORT | FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO);
  reply.max_background = 64;
  reply.congestion_threshold = 48;
  reply.max_write = 4096;  // the least there is
  reply.time_gran = 1;
  reply.max_pages = static_cast<std::uint16_t>(FileServer::kMaxReadBytes / 4096);
  append(out, reply);
  return {};
}

}  // namespace

base::Result<FileServer> FileServer::create(const std::filesystem::path& root) {
  TRY_ASSIGN(auto nodes, FileNodes::create(root));
  return FileServer(std::move(nodes));
}

std::uint32_t FileServer::message_bytes(std::string_view start) {
  return fixed_part<std::uint32_t>(start).value_or(0);
}

base::Result<> FileServer::answer(std::string_view message, std::string& out) {
  const auto header = fixed_part<fuse_in_header>(message);
  if (!header || header->len != message.size()) {
    return base::fail(base::ErrorKind::parse,
                      fmt::format("host files: a message of {} bytes contradicts its header", message.size()));
  }
  const auto body = message.substr(sizeof *header);
  if (header->opcode == FUSE_FORGET) {
    nodes_.forget(header->nodeid, fixed_part<fuse_forget_in>(body).value_or(fuse_forget_in{}).nlookup);
    return {};
  }
  if (header->opcode == FUSE_BATCH_FORGET) {
    forget(body);
    return {};
  }
  const auto begin = out.size();
  out.append(sizeof(fuse_out_header), '\0');
  const auto done = dispatch(header->opcode, header->nodeid, body, out);
  if (!done) {
    out.resize(begin + sizeof(fuse_out_header));
  }
  const fuse_out_header reply{static_cast<std::uint32_t>(out.size() - begin), done ? 0 : -done.error(), header->unique};
  std::memcpy(out.data() + begin, &reply, sizeof reply);
  return {};
}

Outcome<> FileServer::dispatch(std::uint32_t opcode, std::uint64_t node, std::string_view body, std::string& out) {
  switch (opcode) {
    case FUSE_INIT:
      return init(body, out);
    case FUSE_LOOKUP:
      return lookup(node, body, out);
    case FUSE_GETATTR:
      return attributes(node, out);
    case FUSE_READLINK:
      return read_link(node, out);
    case FUSE_READ:
      return read_file(node, body, out);
    case FUSE_READDIR:
    case FUSE_READDIRPLUS:
      return read_folder(node, body, opcode == FUSE_READDIRPLUS, out);
    case FUSE_STATFS:
      return file_system(out);
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_DESTROY:
      return {};
    default:
      // ENOSYS is remembered by the guest's kernel, which then does without: OPEN, OPENDIR, FLUSH, GETXATTR, LISTXATTR,
      // ACCESS, INTERRUPT cost one round trip ever.
      return std::unexpected(would_write(opcode) ? EROFS : ENOSYS);
  }
}

Outcome<> FileServer::lookup(std::uint64_t parent, std::string_view body, std::string& out) {
  if (body.empty() || body.back() != '\0') {
    return std::unexpected(EINVAL);
  }
  const auto entry = nodes_.lookup(parent, body.substr(0, body.size() - 1));
  if (!entry && entry.error() == ENOENT) {
    fuse_entry_out none{};  // node 0: the absence may be cached, too
    none.entry_valid = kCacheSeconds;
    append(out, none);
    return {};
  }
  if (!entry) {
    return std::unexpected(entry.error());
  }
  append(out, entry_of(*entry, nodes_));
  return {};
}

Outcome<> FileServer::attributes(std::uint64_t node, std::string& out) {
  const auto status = nodes_.status(node);
  if (!status) {
    return std::unexpected(status.error());
  }
  fuse_attr_out reply{};
  reply.attr_valid = kCacheSeconds;
  reply.attr = attributes_of(*status, nodes_.inode_of(status->st_dev, status->st_ino));
  append(out, reply);
  return {};
}

Outcome<> FileServer::read_link(std::uint64_t node, std::string& out) {
  const auto fd = nodes_.handle(node);
  if (!fd) {
    return std::unexpected(fd.error());
  }
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlinkat(*fd, "", target.data(), target.size());
  if (length < 0) {
    return std::unexpected(errno == ENOENT ? EINVAL : errno);  // ENOENT: not a symbolic link (readlink(2))
  }
  out.append(target.data(), static_cast<std::size_t>(length));
  return {};
}

Outcome<> FileServer::read_file(std::uint64_t node, std::string_view body, std::string& out) {
  const auto request = fixed_part<fuse_read_in>(body);
  if (!request) {
    return std::unexpected(EINVAL);
  }
  const auto fd = nodes_.file(node);
  if (!fd) {
    return std::unexpected(fd.error());
  }
  const auto begin = out.size();
  out.resize(begin + std::min<std::size_t>(request->size, kMaxReadBytes));
  const ssize_t got = ::pread(*fd, out.data() + begin, out.size() - begin, static_cast<off_t>(request->offset));
  if (got < 0) {
    return std::unexpected(errno);
  }
  out.resize(begin + static_cast<std::size_t>(got));
  return {};
}

// Stateless: the offset is the host's own cookie of the entry to go on behind.
Outcome<> FileServer::read_folder(std::uint64_t node, std::string_view body, bool with_entries, std::string& out) {
  const auto request = fixed_part<fuse_read_in>(body);
  if (!request) {
    return std::unexpected(EINVAL);
  }
  if (nodes_.is_hidden(node)) {
    return {};
  }
  const auto fd = nodes_.folder(node);
  if (!fd) {
    return std::unexpected(fd.error());
  }
  if (::lseek(*fd, static_cast<off_t>(request->offset), SEEK_SET) < 0) {
    return std::unexpected(errno);
  }
  // An entry is longer in FUSE's form than in the host's, so no more of them than fit are read for nothing.
  std::array<char, kMaxRequestBytes> buffer{};
  const std::size_t room = std::min<std::size_t>(request->size, buffer.size());
  const ssize_t got = ::getdents64(*fd, buffer.data(), std::max<std::size_t>(with_entries ? room / 4 : room, 512));
  struct stat folder{};
  if (got < 0 || ::fstat(*fd, &folder) != 0) {
    return std::unexpected(errno);
  }
  std::string_view entries(buffer.data(), static_cast<std::size_t>(got));
  const auto begin = out.size();
  while (!entries.empty()) {
    const auto entry = next_entry(entries);
    const std::size_t head = with_entries ? sizeof(fuse_entry_out) : 0;
    if (out.size() - begin + head + FUSE_NAME_OFFSET + FUSE_DIRENT_ALIGN(entry.name.size()) > room) {
      break;
    }
    if (with_entries) {
      // Node 0 tells of the name alone: for "." and "..", and where a look failed.
      const auto looked_up = nodes_.lookup(node, entry.name);
      append(out, looked_up ? entry_of(*looked_up, nodes_) : fuse_entry_out{});
    }
    append_name(out, entry, nodes_.inode_of(folder.st_dev, entry.inode));
  }
  return {};
}

Outcome<> FileServer::file_system(std::string& out) {
  const auto fd = nodes_.handle(FileNodes::kRoot);
  struct statvfs status{};
  if (!fd || ::fstatvfs(*fd, &status) != 0) {
    return std::unexpected(EIO);
  }
  fuse_statfs_out reply{};
  reply.st = {.blocks = status.f_blocks,
              .bfree = status.f_bfree,
              .bavail = status.f_bavail,
              .files = status.f_files,
              .ffree = status.f_ffree,
              .bsize = static_cast<std::uint32_t>(status.f_bsize),
              .namelen = static_cast<std::uint32_t>(status.f_namemax),
              .frsize = static_cast<std::uint32_t>(status.f_frsize)};
  append(out, reply);
  return {};
}

void FileServer::forget(std::string_view body) {
  const auto head = fixed_part<fuse_batch_forget_in>(body);
  if (!head) {
    return;
  }
  body.remove_prefix(sizeof *head);
  for (auto left = head->count; left > 0; --left) {
    const auto one = fixed_part<fuse_forget_one>(body);
    if (!one) {
      return;
    }
    nodes_.forget(one->nodeid, one->nlookup);
    body.remove_prefix(sizeof *one);
  }
}

}  // namespace vm
