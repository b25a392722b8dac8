#include "vm/file_server.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>

#include <gtest/gtest.h>

#include "base/event_loop.h"
#include "base/fd.h"
#include "base/file.h"
#include "vm/file_channel.h"

namespace {

using namespace vm;

constexpr std::uint64_t kUnique = 0x1234;

template <typename T>
std::string bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string request(std::uint32_t opcode, std::uint64_t node, std::string_view body = {}) {
  fuse_in_header header{};
  header.len = static_cast<std::uint32_t>(sizeof header + body.size());
  header.opcode = opcode;
  header.unique = kUnique;
  header.nodeid = node;
  return bytes_of(header) + std::string(body);
}

std::string read_body(std::uint64_t offset, std::uint32_t size) {
  fuse_read_in in{};
  in.offset = offset;
  in.size = size;
  return bytes_of(in);
}

struct Reply {
  int error = 0;
  std::string body;
  template <typename T>
  T as() const {
    T value{};
    EXPECT_GE(body.size(), sizeof value);
    std::memcpy(&value, body.data(), std::min(body.size(), sizeof value));
    return value;
  }
};

class FileServerTest : public testing::Test {
 protected:
  FileServerTest() : scratch_(*base::ScratchDir::create("file-server")), server_(*FileServer::create(scratch_.path())) {
    for (const char* folder : {"folder", "proc", "empty", "many"}) {
      EXPECT_EQ(::mkdir(at(folder).c_str(), 0755), 0);
    }
    write("file", "0123456789");
    write("folder/inner", "inside");
    write("proc/secret", "of the host");
    EXPECT_EQ(::symlink("/etc/passwd", at("link").c_str()), 0);
    EXPECT_EQ(::mkfifo(at("fifo").c_str(), 0644), 0);
    EXPECT_EQ(::link(at("file").c_str(), at("twin").c_str()), 0);
  }
  std::string at(const std::string& name) const { return scratch_.path() / name; }
  void write(const std::string& name, std::string_view content) {
    EXPECT_TRUE(base::write_file_atomic(at(name), content));
  }
  Reply ask(std::uint32_t opcode, std::uint64_t node, std::string_view body = {}) {
    std::string out;
    const auto answered = server_.answer(request(opcode, node, body), out);
    EXPECT_TRUE(answered);
    fuse_out_header header{};
    EXPECT_GE(out.size(), sizeof header);
    std::memcpy(&header, out.data(), sizeof header);
    EXPECT_EQ(header.len, out.size());
    EXPECT_EQ(header.unique, kUnique);
    return {-header.error, out.substr(sizeof header)};
  }
  Reply look(std::uint64_t parent, std::string_view name) {
    return ask(FUSE_LOOKUP, parent, std::string(name) + std::string(1, '\0'));
  }
  std::uint64_t node(std::uint64_t parent, std::string_view name) {
    return look(parent, name).as<fuse_entry_out>().nodeid;
  }
  // Names of a folder with their nodes (0 without READDIRPLUS), page by page as the kernel does it.
  std::map<std::string, std::uint64_t> list(std::uint64_t folder, std::uint32_t opcode, std::uint32_t page = 4096) {
    std::map<std::string, std::uint64_t> names;
    std::uint64_t offset = 0;
    while (true) {
      const auto reply = ask(opcode, folder, read_body(offset, page));
      EXPECT_EQ(reply.error, 0);
      EXPECT_LE(reply.body.size(), page);
      if (reply.body.empty()) {
        return names;
      }
      for (std::size_t i = 0; i < reply.body.size();) {
        std::uint64_t found = 0;
        if (opcode == FUSE_READDIRPLUS) {
          std::memcpy(&found, reply.body.data() + i, sizeof found);
          i += sizeof(fuse_entry_out);
        }
        fuse_dirent entry{};
        std::memcpy(&entry, reply.body.data() + i, FUSE_NAME_OFFSET);
        EXPECT_TRUE(names.emplace(reply.body.substr(i + FUSE_NAME_OFFSET, entry.namelen), found).second);
        offset = entry.off;
        i += FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + entry.namelen);
      }
    }
  }

  base::ScratchDir scratch_;
  FileServer server_;
};

TEST_F(FileServerTest, AgreesOnTheProtocol) {
  fuse_init_in in{};
  in.major = 7;
  in.minor = 41;
  in.flags = 0xffffffff;
  const auto reply = ask(FUSE_INIT, 0, bytes_of(in)).as<fuse_init_out>();
  EXPECT_EQ(reply.major, 7U);
  EXPECT_LE(reply.minor, 41U);
  EXPECT_EQ(reply.max_write, 4096U);
  EXPECT_TRUE((reply.flags & FUSE_NO_OPEN_SUPPORT) != 0);
  EXPECT_TRUE((reply.flags & FUSE_WRITEBACK_CACHE) == 0);
  in.major = 6;
  EXPECT_EQ(ask(FUSE_INIT, 0, bytes_of(in)).error, EPROTO);
  EXPECT_EQ(ask(FUSE_INIT, 0, "abc").error, EPROTO);
}

TEST_F(FileServerTest, LooksUpWithAttributes) {
  const auto entry = look(1, "file").as<fuse_entry_out>();
  EXPECT_GT(entry.nodeid, 1U);
  EXPECT_EQ(entry.attr.size, 10U);
  EXPECT_TRUE(S_ISREG(entry.attr.mode));
  EXPECT_EQ(entry.entry_valid, 3600U);
  EXPECT_EQ(entry.attr_valid, 3600U);
  EXPECT_EQ(ask(FUSE_GETATTR, entry.nodeid).as<fuse_attr_out>().attr.size, 10U);
}

TEST_F(FileServerTest, HardLinksAreOneNode) {
  EXPECT_EQ(node(1, "file"), node(1, "twin"));
}

TEST_F(FileServerTest, AbsenceMayBeCached) {
  const auto reply = look(1, "missing");
  EXPECT_EQ(reply.error, 0);
  EXPECT_EQ(reply.as<fuse_entry_out>().nodeid, 0U);
  EXPECT_EQ(reply.as<fuse_entry_out>().entry_valid, 3600U);
}

TEST_F(FileServerTest, NamesThatAreNoComponent) {
  for (const auto& name : {std::string("."), std::string(".."), std::string(""), std::string("folder/inner"),
                           std::string("/"), std::string("../x"), std::string("a\0b", 3), std::string(256, 'x')}) {
    EXPECT_EQ(look(1, name).error, EINVAL) << name;
  }
  EXPECT_EQ(ask(FUSE_LOOKUP, 1, "file").error, EINVAL) << "not ended by NUL";
  EXPECT_EQ(ask(FUSE_LOOKUP, 1).error, EINVAL);
}

TEST_F(FileServerTest, LooksUpOnlyInFolders) {
  EXPECT_EQ(look(node(1, "file"), "x").error, ENOTDIR);
  EXPECT_EQ(look(node(1, "link"), "x").error, ENOTDIR);
}

TEST_F(FileServerTest, ReadsAnyPart) {
  const auto file = node(1, "file");
  EXPECT_EQ(ask(FUSE_READ, file, read_body(0, 4096)).body, "0123456789");
  EXPECT_EQ(ask(FUSE_READ, file, read_body(8, 1)).body, "8");
  EXPECT_EQ(ask(FUSE_READ, file, read_body(10, 4096)).body, "");
  EXPECT_EQ(ask(FUSE_READ, file, read_body(1ULL << 40, 4096)).body, "");
}

TEST_F(FileServerTest, HugeSizesAndOffsets) {
  const auto file = node(1, "file");
  EXPECT_EQ(ask(FUSE_READ, file, read_body(0, 0xffffffff)).body, "0123456789");
  EXPECT_EQ(ask(FUSE_READ, file, read_body(0xffffffffffffffff, 16)).error, EINVAL);
  EXPECT_EQ(ask(FUSE_READ, file, "short").error, EINVAL);
  EXPECT_EQ(ask(FUSE_READDIR, 1, read_body(0xffffffffffffffff, 4096)).error, EINVAL);
  EXPECT_EQ(ask(FUSE_READDIR, 1, "short").error, EINVAL);
  EXPECT_EQ(ask(FUSE_READDIR, 1, read_body(0, 0)).body, "");
  EXPECT_LE(ask(FUSE_READDIR, 1, read_body(0, 0xffffffff)).body.size(), 65536U);
  write("large", std::string(3 << 20, 'x'));
  EXPECT_EQ(ask(FUSE_READ, node(1, "large"), read_body(0, 0xffffffff)).body.size(), FileServer::kMaxReadBytes);
}

TEST_F(FileServerTest, ReadsOnlyRegularFiles) {
  EXPECT_EQ(ask(FUSE_READ, node(1, "fifo"), read_body(0, 1)).error, EACCES);
  EXPECT_EQ(ask(FUSE_READ, node(1, "link"), read_body(0, 1)).error, EACCES);
  EXPECT_EQ(ask(FUSE_READ, node(1, "folder"), read_body(0, 1)).error, EISDIR);
  EXPECT_EQ(ask(FUSE_READDIR, node(1, "file"), read_body(0, 4096)).error, ENOTDIR);
}

TEST_F(FileServerTest, SymbolicLinkIsTextAndNeverFollowed) {
  const auto link = look(1, "link").as<fuse_entry_out>();
  EXPECT_TRUE(S_ISLNK(link.attr.mode));
  EXPECT_EQ(ask(FUSE_READLINK, link.nodeid).body, "/etc/passwd");
  EXPECT_EQ(ask(FUSE_READLINK, node(1, "file")).error, EINVAL);
}

TEST_F(FileServerTest, ListsAFolder) {
  const auto names = list(1, FUSE_READDIR);
  EXPECT_EQ(names.size(), 10U);
  for (const char* const name : {".", "..", "file", "twin", "folder", "link", "fifo", "proc", "empty", "many"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST_F(FileServerTest, ListsWithNodes) {
  const auto names = list(1, FUSE_READDIRPLUS);
  EXPECT_EQ(names.at("."), 0U);
  EXPECT_EQ(names.at(".."), 0U);
  EXPECT_EQ(names.at("file"), names.at("twin"));
  EXPECT_EQ(names.at("folder"), node(1, "folder"));
}

TEST_F(FileServerTest, ListsThousandsPageByPage) {
  for (int i = 0; i < 2000; ++i) {
    write("many/file-with-a-longer-name-" + std::to_string(i), "");
  }
  const auto many = node(1, "many");
  EXPECT_EQ(list(many, FUSE_READDIR).size(), 2002U);
  EXPECT_EQ(list(many, FUSE_READDIRPLUS).size(), 2002U);
}

TEST_F(FileServerTest, ManyNodesNeedFewDescriptors) {
  const auto many = node(1, "many");
  std::vector<std::uint64_t> nodes;
  for (int i = 0; i < 1000; ++i) {
    const auto name = std::to_string(i);
    EXPECT_EQ(::mkdir(at("many/" + name).c_str(), 0755), 0);
    write("many/" + name + "/file", name);
    nodes.push_back(node(node(many, name), "file"));
  }
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 1000; ++i) {
      ASSERT_EQ(ask(FUSE_READ, nodes[static_cast<std::size_t>(i)], read_body(0, 100)).body, std::to_string(i));
    }
  }
  base::Fd next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_LT(next.get(), 400);
}

TEST_F(FileServerTest, ForgottenNodesAreStale) {
  const auto folder = node(1, "folder");
  const auto inner = node(folder, "inner");
  std::string out;
  fuse_forget_in once{};
  once.nlookup = 1;
  ASSERT_TRUE(server_.answer(request(FUSE_FORGET, folder, bytes_of(once)), out));
  EXPECT_EQ(out, "") << "FORGET has no answer";
  EXPECT_EQ(ask(FUSE_READ, inner, read_body(0, 100)).body, "inside") << "a parent stays while its child is known";
  const fuse_forget_one one{inner, 5};
  const fuse_batch_forget_in batch{7, 0};  // claims more than it brings
  ASSERT_TRUE(server_.answer(request(FUSE_BATCH_FORGET, 0, bytes_of(batch) + bytes_of(one)), out));
  EXPECT_EQ(out, "");
  EXPECT_EQ(ask(FUSE_GETATTR, inner).error, ESTALE);
  EXPECT_EQ(ask(FUSE_GETATTR, folder).error, ESTALE);
  once.nlookup = ~0ULL;
  ASSERT_TRUE(server_.answer(request(FUSE_FORGET, 1, bytes_of(once)), out));
  EXPECT_EQ(ask(FUSE_GETATTR, 1).error, 0) << "the root stays";
}

TEST_F(FileServerTest, BadNodes) {
  for (const std::uint64_t bad : {0ULL, 99ULL, ~0ULL}) {
    EXPECT_EQ(ask(FUSE_GETATTR, bad).error, ESTALE);
    EXPECT_EQ(ask(FUSE_READ, bad, read_body(0, 1)).error, ESTALE);
    EXPECT_EQ(ask(FUSE_READDIR, bad, read_body(0, 1)).error, ESTALE);
    EXPECT_EQ(ask(FUSE_READLINK, bad).error, ESTALE);
    EXPECT_EQ(look(bad, "file").error, ESTALE);
  }
}

TEST_F(FileServerTest, FileThatWasReplacedOnTheHostIsStale) {
  const auto first = node(1, "file");
  ASSERT_EQ(::unlink(at("file").c_str()), 0);
  ASSERT_EQ(::symlink("/etc/passwd", at("file").c_str()), 0);
  EXPECT_EQ(ask(FUSE_READ, first, read_body(0, 100)).error, ESTALE);
  ASSERT_EQ(::unlink(at("file").c_str()), 0);
  write("file", "another");
  EXPECT_EQ(ask(FUSE_READ, first, read_body(0, 100)).error, ESTALE);
}

TEST_F(FileServerTest, KernelFoldersAreEmpty) {
  const auto proc = look(1, "proc").as<fuse_entry_out>();
  EXPECT_TRUE(S_ISDIR(proc.attr.mode));
  EXPECT_EQ(look(proc.nodeid, "secret").error, 0);
  EXPECT_EQ(look(proc.nodeid, "secret").as<fuse_entry_out>().nodeid, 0U);
  EXPECT_TRUE(list(proc.nodeid, FUSE_READDIR).empty());
}

TEST_F(FileServerTest, RealProcIsHiddenUnderAnyName) {
  auto server = FileServer::create("/");
  ASSERT_TRUE(server);
  std::string out;
  ASSERT_TRUE(server->answer(request(FUSE_LOOKUP, 1, std::string("proc\0", 5)), out));
  fuse_entry_out entry{};
  std::memcpy(&entry, out.data() + sizeof(fuse_out_header), sizeof entry);
  out.clear();
  ASSERT_TRUE(server->answer(request(FUSE_LOOKUP, entry.nodeid, std::string("self\0", 5)), out));
  std::memcpy(&entry, out.data() + sizeof(fuse_out_header), sizeof entry);
  EXPECT_EQ(entry.nodeid, 0U);
}

TEST_F(FileServerTest, NothingCanWrite) {
  const auto file = node(1, "file");
  for (const std::uint32_t opcode :
       {FUSE_SETATTR, FUSE_SYMLINK, FUSE_MKNOD, FUSE_MKDIR, FUSE_UNLINK, FUSE_RMDIR, FUSE_RENAME, FUSE_LINK, FUSE_WRITE,
        FUSE_SETXATTR, FUSE_REMOVEXATTR, FUSE_CREATE, FUSE_FALLOCATE, FUSE_RENAME2, FUSE_COPY_FILE_RANGE}) {
    EXPECT_EQ(ask(opcode, file, std::string(200, '\0')).error, EROFS) << opcode;
    EXPECT_EQ(ask(opcode, 1).error, EROFS) << opcode;
  }
  EXPECT_EQ(*base::read_all(at("file")), "0123456789");
}

TEST_F(FileServerTest, WhatTheKernelDoesWithoutIsRefusedOnce) {
  for (const std::uint32_t opcode :
       {FUSE_OPEN, FUSE_OPENDIR, FUSE_FLUSH, FUSE_FSYNC, FUSE_GETXATTR, FUSE_LISTXATTR, FUSE_ACCESS, FUSE_INTERRUPT,
        FUSE_IOCTL, FUSE_POLL, FUSE_GETLK, FUSE_LSEEK, FUSE_BMAP}) {
    EXPECT_EQ(ask(opcode, 1).error, ENOSYS) << opcode;
  }
}

// Every operation, known or not, with bodies of every small length: an answer or an error, never a crash (the
// sanitizers watch in their build).
TEST_F(FileServerTest, AnyOperationWithAnyShortBody) {
  const auto file = node(1, "file");
  for (std::uint32_t opcode = 0; opcode < 64; ++opcode) {
    for (std::size_t length = 0; length < 100; ++length) {
      for (const char fill : {'\0', 'x', '\xff'}) {
        std::string out;
        ASSERT_TRUE(server_.answer(request(opcode, file, std::string(length, fill)), out));
        ASSERT_TRUE(server_.answer(request(opcode, 1, std::string(length, fill)), out));
      }
    }
  }
}

TEST_F(FileServerTest, LengthThatIsNotTheMessages) {
  std::string out;
  auto message = request(FUSE_GETATTR, 1);
  EXPECT_EQ(server_.answer(message.substr(0, 39), out).error().message,
            "host files: a message of 39 bytes contradicts its header");
  EXPECT_EQ(server_.answer(message + "x", out).error().message,
            "host files: a message of 41 bytes contradicts its header");
  EXPECT_EQ(out, "");
}

TEST_F(FileServerTest, FileSystem) {
  EXPECT_GT(ask(FUSE_STATFS, 1).as<fuse_statfs_out>().st.blocks, 0U);
}

// The channel: bytes as they come over a stream.
class FileChannelTest : public testing::Test {
 protected:
  FileChannelTest() : scratch_(*base::ScratchDir::create("file-channel")), loop_(*base::EventLoop::create()) {
    EXPECT_TRUE(base::write_file_atomic(scratch_.path() / "large", std::string(1 << 20, 'x')));
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    ours_.reset(fds[0]);
    guests_.reset(fds[1]);
    channel_.emplace(loop_, ours_.get(), *FileServer::create(scratch_.path()));
    EXPECT_TRUE(channel_->start([this](base::Result<> why) {
      ended_ = true;
      complaint_ = why ? "" : why.error().message;
      loop_.stop();
    }));
  }
  base::ScratchDir scratch_;
  base::EventLoop loop_;
  base::Fd ours_, guests_;
  std::optional<FileChannel> channel_;
  bool ended_ = false;
  std::string complaint_;
};

TEST_F(FileChannelTest, AnswersManyRequestsThatAreMoreThanTheSocketHolds) {
  std::string requests = request(FUSE_LOOKUP, 1, std::string("large\0", 6));
  for (int i = 0; i < 5; ++i) {
    requests += request(FUSE_READ, 2, read_body(0, 1 << 20));
  }
  ASSERT_TRUE(base::write_all(guests_.get(), requests));
  std::size_t got = 0;
  const std::size_t wanted = 6 * sizeof(fuse_out_header) + sizeof(fuse_entry_out) + 5 * (1U << 20);
  std::string buffer(1 << 16, '\0');
  ASSERT_TRUE(loop_.watch(guests_.get(), EPOLLIN, [&](std::uint32_t) {
    const auto count = ::read(guests_.get(), buffer.data(), buffer.size());
    got += count > 0 ? static_cast<std::size_t>(count) : 0;
    if (got >= wanted) {
      loop_.stop();
    }
  }));
  ASSERT_TRUE(loop_.run());
  EXPECT_EQ(got, wanted);
  EXPECT_FALSE(ended_);
}

TEST_F(FileChannelTest, EndsWithTheStream) {
  guests_.reset();
  ASSERT_TRUE(loop_.run());
  EXPECT_TRUE(ended_);
  EXPECT_EQ(complaint_, "");
}

TEST_F(FileChannelTest, RefusesLengthsThatNoMessageHas) {
  ASSERT_TRUE(base::write_all(guests_.get(), std::string("\xff\xff\xff\x7f", 4)));
  ASSERT_TRUE(loop_.run());
  EXPECT_EQ(complaint_, "host files: a message of 2147483647 bytes");
}

TEST_F(FileChannelTest, RefusesAMessageShorterThanItsHeader) {
  ASSERT_TRUE(base::write_all(guests_.get(), std::string("\x04\0\0\0", 4)));
  ASSERT_TRUE(loop_.run());
  EXPECT_EQ(complaint_, "host files: a message of 4 bytes");
}

}  // namespace
