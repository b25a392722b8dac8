#include "vm/ext_format.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "base/bytes.h"

namespace vm {
namespace {

constexpr std::size_t kBlock = 4096;
constexpr std::uint32_t kBlocksPerGroup = kExtGroupBytes / kBlock;  // as many as a block of bitmap has bits
constexpr std::uint32_t kInodesPerGroup = 2048;
constexpr std::uint32_t kInodeSize = 256;
constexpr std::uint32_t kTableBlocks = std::size_t{kInodesPerGroup} * kInodeSize / kBlock;
constexpr std::uint32_t kMostGroups = kBlock / 32;  // descriptors of 32 bytes in one block
constexpr std::uint32_t kReservedInodes = 10;       // 1 to 10; 2 is the root folder
constexpr std::uint32_t kLostFound = 11;
constexpr std::uint32_t kRoot = 2;
constexpr std::uint32_t kRootBlocks = 1;
constexpr std::uint32_t kLostFoundBlocks = 1;
constexpr std::uint32_t kSuperAt = 1024;

// Little-endian fields at fixed places.
class Block {
 public:
  explicit Block(std::size_t size = kBlock) : bytes_(size, '\0') {}
  void u16(std::size_t at, std::uint32_t value) { put(at, value, 2); }
  void u32(std::size_t at, std::uint64_t value) { put(at, value, 4); }
  void text(std::size_t at, std::string_view value) { bytes_.replace(at, value.size(), value); }
  void set_bits(std::size_t first, std::size_t end) {
    for (auto i = first; i < end; ++i) {
      bytes_[i / 8] = static_cast<char>(bytes_[i / 8] | (1 << (i % 8)));
    }
  }
  [[nodiscard]] std::string take() && { return std::move(bytes_); }

 private:
  void put(std::size_t at, std::uint64_t value, std::size_t length) {
    for (std::size_t i = 0; i < length; ++i) {
      bytes_[at + i] = static_cast<char>((value >> (8 * i)) & 0xff);
    }
  }
  std::string bytes_;
};

// Where a group's metadata is, in blocks of the whole device. Only the first group has superblock and descriptors
// (sparse_super2 without backups).
struct GroupLayout {
  std::uint32_t first, block_bitmap, inode_bitmap, inode_table, data;
};

GroupLayout layout_of(std::uint32_t group) {
  const std::uint32_t first = group * kBlocksPerGroup;
  const std::uint32_t begin = first + (group == 0 ? 2 : 0);
  return {.first = first,
          .block_bitmap = begin,
          .inode_bitmap = begin + 1,
          .inode_table = begin + 2,
          .data = begin + 2 + kTableBlocks};
}

std::uint32_t used_blocks(std::uint32_t group) {
  const auto layout = layout_of(group);
  return layout.data - layout.first + (group == 0 ? kRootBlocks + kLostFoundBlocks : 0);
}

std::string superblock(std::uint32_t groups, const std::string& uuid) {
  constexpr std::uint32_t kMagic = 0xef53, kClean = 1, kContinue = 1, kDynamic = 1;
  constexpr std::uint32_t kSparseSuper2 = 0x200;           // compatible
  constexpr std::uint32_t kFileType = 2, kExtents = 0x40;  // incompatible
  constexpr std::uint32_t kLargeFile = 2;                  // compatible for reading
  std::uint32_t free_blocks = 0;
  for (std::uint32_t group = 0; group < groups; ++group) {
    free_blocks += kBlocksPerGroup - used_blocks(group);
  }
  Block super(1024);
  super.u32(0x00, std::uint64_t{groups} * kInodesPerGroup);
  super.u32(0x04, std::uint64_t{groups} * kBlocksPerGroup);
  super.u32(0x0c, free_blocks);
  super.u32(0x10, groups * kInodesPerGroup - kLostFound);
  super.u32(0x18, 2);  // block size: 1024 << 2
  super.u32(0x1c, 2);  // cluster size
  super.u32(0x20, kBlocksPerGroup);
  super.u32(0x24, kBlocksPerGroup);
  super.u32(0x28, kInodesPerGroup);
  super.u16(0x36, 0xffff);  // mounts before a check: never
  super.u16(0x38, kMagic);
  super.u16(0x3a, kClean);
  super.u16(0x3c, kContinue);  // on errors
  super.u32(0x4c, kDynamic);
  super.u32(0x54, kLostFound);  // the first inode that is not reserved
  super.u16(0x58, kInodeSize);
  super.u32(0x5c, kSparseSuper2);
  super.u32(0x60, kFileType | kExtents);
  super.u32(0x64, kLargeFile);
  super.text(0x68, std::string_view(uuid).substr(0, 16));
  super.text(0x78, "oomlab");
  return std::move(super).take();
}

std::string descriptors(std::uint32_t groups) {
  Block table;
  for (std::uint32_t group = 0; group < groups; ++group) {
    const auto layout = layout_of(group);
    const std::size_t at = std::size_t{group} * 32;
    table.u32(at, layout.block_bitmap);
    table.u32(at + 4, layout.inode_bitmap);
    table.u32(at + 8, layout.inode_table);
    table.u16(at + 12, kBlocksPerGroup - used_blocks(group));
    table.u16(at + 14, group == 0 ? kInodesPerGroup - kLostFound : kInodesPerGroup);
    table.u16(at + 16, group == 0 ? 2 : 0);  // folders
  }
  return std::move(table).take();
}

// A folder's inode, its one block mapped the old way.
void put_folder(Block& table, std::uint32_t inode, std::uint32_t mode, std::uint32_t links, std::uint32_t block) {
  const std::size_t at = std::size_t{inode - 1} * kInodeSize % kBlock;
  table.u16(at, 0x4000 | mode);
  table.u32(at + 4, kBlock);
  table.u16(at + 26, links);
  table.u32(at + 28, kBlock / 512);
  table.u32(at + 40, block);
  table.u16(at + 128, 32);  // extra fields
}

struct Entry {
  std::uint32_t inode;
  std::string_view name;
};

std::string folder_block(std::initializer_list<Entry> entries) {
  constexpr std::uint32_t kFolder = 2;
  Block block;
  std::size_t at = 0;
  for (const auto& [inode, name] : entries) {
    const bool last = &name == &(entries.end() - 1)->name;
    const std::size_t length = last ? kBlock - at : (8 + name.size() + 3) / 4 * 4;
    block.u32(at, inode);
    block.u16(at + 4, static_cast<std::uint32_t>(length));
    block.u16(at + 6, static_cast<std::uint32_t>(name.size()) | kFolder << 8);
    block.text(at + 8, name);
    at += length;
  }
  return std::move(block).take();
}

}  // namespace

base::Result<std::vector<std::pair<std::uint64_t, std::string>>> format_ext4(std::uint64_t bytes,
                                                                             const std::string& uuid) {
  const auto groups = static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes / kExtGroupBytes, kMostGroups + 1));
  if (bytes % kExtGroupBytes != 0 || groups == 0 || groups > kMostGroups) {
    return base::fail(base::ErrorKind::usage,
                      fmt::format("a disk of {}: expected a multiple of {} up to {}", base::human_size(bytes),
                                  base::human_size(kExtGroupBytes), base::human_size(kMostGroups * kExtGroupBytes)));
  }
  std::vector<std::pair<std::uint64_t, std::string>> pieces;
  pieces.emplace_back(kSuperAt, superblock(groups, uuid));
  pieces.emplace_back(kBlock, descriptors(groups));
  for (std::uint32_t group = 0; group < groups; ++group) {
    const auto layout = layout_of(group);
    Block blocks, inodes;
    blocks.set_bits(0, used_blocks(group));
    inodes.set_bits(0, group == 0 ? kLostFound : 0);
    inodes.set_bits(kInodesPerGroup, 8 * kBlock);  // what is no inode is taken
    pieces.emplace_back(std::uint64_t{layout.block_bitmap} * kBlock, std::move(blocks).take());
    pieces.emplace_back(std::uint64_t{layout.inode_bitmap} * kBlock, std::move(inodes).take());
  }
  const auto first = layout_of(0);
  Block table;
  static_assert(kLostFound <= kBlock / kInodeSize && kReservedInodes < kLostFound);
  put_folder(table, kRoot, 01777, 3, first.data);
  put_folder(table, kLostFound, 0700, 2, first.data + kRootBlocks);
  pieces.emplace_back(std::uint64_t{first.inode_table} * kBlock, std::move(table).take());
  pieces.emplace_back(std::uint64_t{first.data} * kBlock,
                      folder_block({{kRoot, "."}, {kRoot, ".."}, {kLostFound, "lost+found"}}));
  pieces.emplace_back(std::uint64_t{first.data + kRootBlocks} * kBlock,
                      folder_block({{kLostFound, "."}, {kRoot, ".."}}));
  return pieces;
}

}  // namespace vm
