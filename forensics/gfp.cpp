#include "forensics/gfp.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

namespace forensics {
namespace {

struct Bit {
  std::uint64_t mask;
  std::string_view name;
};

// Where the bits are, by era. Bits 0x1 to 0x8 and 0x20 to 0x80 never moved.
constexpr Bit kBits26[] = {  // 2.6.32 to 4.3
    {0x10, "__GFP_WAIT"},           {0x100, "__GFP_COLD"},          {0x200, "__GFP_NOWARN"},
    {0x400, "__GFP_REPEAT"},        {0x800, "__GFP_NOFAIL"},        {0x1000, "__GFP_NORETRY"},
    {0x2000, "__GFP_MEMALLOC"},     {0x4000, "__GFP_COMP"},         {0x8000, "__GFP_ZERO"},
    {0x10000, "__GFP_NOMEMALLOC"},  {0x20000, "__GFP_HARDWALL"},    {0x40000, "__GFP_THISNODE"},
    {0x80000, "__GFP_RECLAIMABLE"}, {0x100000, "__GFP_NOACCOUNT"},  {0x200000, "__GFP_NOTRACK"},
    {0x400000, "__GFP_NO_KSWAPD"},  {0x800000, "__GFP_OTHER_NODE"}, {0x1000000, "__GFP_WRITE"}};
constexpr Bit kBits44[] = {  // 4.4 to 4.9
    {0x10, "__GFP_RECLAIMABLE"},
    {0x100, "__GFP_COLD"},
    {0x200, "__GFP_NOWARN"},
    {0x400, "__GFP_REPEAT"},
    {0x800, "__GFP_NOFAIL"},
    {0x1000, "__GFP_NORETRY"},
    {0x2000, "__GFP_MEMALLOC"},
    {0x4000, "__GFP_COMP"},
    {0x8000, "__GFP_ZERO"},
    {0x10000, "__GFP_NOMEMALLOC"},
    {0x20000, "__GFP_HARDWALL"},
    {0x40000, "__GFP_THISNODE"},
    {0x80000, "__GFP_ATOMIC"},
    {0x100000, "__GFP_ACCOUNT"},
    {0x200000, "__GFP_NOTRACK"},
    {0x400000, "__GFP_DIRECT_RECLAIM"},
    {0x800000, "__GFP_OTHER_NODE"},
    {0x1000000, "__GFP_WRITE"},
    {0x2000000, "__GFP_KSWAPD_RECLAIM"}};
constexpr Bit kBits410[] = {  // 4.10 to 4.17
    {0x10, "__GFP_RECLAIMABLE"},        {0x100, "__GFP_COLD"},       {0x200, "__GFP_NOWARN"},
    {0x400, "__GFP_RETRY_MAYFAIL"},     {0x800, "__GFP_NOFAIL"},     {0x1000, "__GFP_NORETRY"},
    {0x2000, "__GFP_MEMALLOC"},         {0x4000, "__GFP_COMP"},      {0x8000, "__GFP_ZERO"},
    {0x10000, "__GFP_NOMEMALLOC"},      {0x20000, "__GFP_HARDWALL"}, {0x40000, "__GFP_THISNODE"},
    {0x80000, "__GFP_ATOMIC"},          {0x100000, "__GFP_ACCOUNT"}, {0x200000, "__GFP_NOTRACK"},
    {0x400000, "__GFP_DIRECT_RECLAIM"}, {0x800000, "__GFP_WRITE"},   {0x1000000, "__GFP_KSWAPD_RECLAIM"},
    {0x2000000, "__GFP_NOLOCKDEP"}};
constexpr Bit kBits418[] = {  // 4.18 to 5.0
    {0x10, "__GFP_RECLAIMABLE"},        {0x100, "__GFP_WRITE"},       {0x200, "__GFP_NOWARN"},
    {0x400, "__GFP_RETRY_MAYFAIL"},     {0x800, "__GFP_NOFAIL"},      {0x1000, "__GFP_NORETRY"},
    {0x2000, "__GFP_MEMALLOC"},         {0x4000, "__GFP_COMP"},       {0x8000, "__GFP_ZERO"},
    {0x10000, "__GFP_NOMEMALLOC"},      {0x20000, "__GFP_HARDWALL"},  {0x40000, "__GFP_THISNODE"},
    {0x80000, "__GFP_ATOMIC"},          {0x100000, "__GFP_ACCOUNT"},  {0x200000, "__GFP_DIRECT_RECLAIM"},
    {0x400000, "__GFP_KSWAPD_RECLAIM"}, {0x800000, "__GFP_NOLOCKDEP"}};
constexpr Bit kBits51[] = {  // 5.1 on; bits from 0x800000 mean different things in different releases and stay numbers
    {0x10, "__GFP_RECLAIMABLE"},     {0x100, "__GFP_ZERO"},           {0x200, "__GFP_ATOMIC"},
    {0x400, "__GFP_DIRECT_RECLAIM"}, {0x800, "__GFP_KSWAPD_RECLAIM"}, {0x1000, "__GFP_WRITE"},
    {0x2000, "__GFP_NOWARN"},        {0x4000, "__GFP_RETRY_MAYFAIL"}, {0x8000, "__GFP_NOFAIL"},
    {0x10000, "__GFP_NORETRY"},      {0x20000, "__GFP_MEMALLOC"},     {0x40000, "__GFP_COMP"},
    {0x80000, "__GFP_NOMEMALLOC"},   {0x100000, "__GFP_HARDWALL"},    {0x200000, "__GFP_THISNODE"},
    {0x400000, "__GFP_ACCOUNT"}};
constexpr Bit kFixedBits[] = {{0x1, "__GFP_DMA"},     {0x2, "__GFP_HIGHMEM"}, {0x4, "__GFP_DMA32"},
                              {0x8, "__GFP_MOVABLE"}, {0x20, "__GFP_HIGH"},   {0x40, "__GFP_IO"},
                              {0x80, "__GFP_FS"}};

// Composites, widest first as %pGg matches them (include/trace/events/mmflags.h).
constexpr Bit kComposites26[] = {{0x200da, "GFP_HIGHUSER_MOVABLE"},
                                 {0x200d2, "GFP_HIGHUSER"},
                                 {0x200d0, "GFP_USER"},
                                 {0x800d0, "GFP_TEMPORARY"},
                                 {0xd0, "GFP_KERNEL"},
                                 {0x50, "GFP_NOFS"},
                                 {0x20, "GFP_ATOMIC"},
                                 {0x10, "GFP_NOIO"}};
constexpr Bit kComposites44[] = {{0x24200ca, "GFP_HIGHUSER_MOVABLE"},
                                 {0x24200c2, "GFP_HIGHUSER"},
                                 {0x24200c0, "GFP_USER"},
                                 {0x24000d0, "GFP_TEMPORARY"},
                                 {0x25000c0, "GFP_KERNEL_ACCOUNT"},
                                 {0x24000c0, "GFP_KERNEL"},
                                 {0x2400040, "GFP_NOFS"},
                                 {0x2080020, "GFP_ATOMIC"},
                                 {0x2400000, "GFP_NOIO"},
                                 {0x2000000, "GFP_NOWAIT"}};
constexpr Bit kComposites410[] = {
    {0x14200ca, "GFP_HIGHUSER_MOVABLE"}, {0x14200c2, "GFP_HIGHUSER"}, {0x14200c0, "GFP_USER"},
    {0x15000c0, "GFP_KERNEL_ACCOUNT"},   {0x14000c0, "GFP_KERNEL"},   {0x1400040, "GFP_NOFS"},
    {0x1080020, "GFP_ATOMIC"},           {0x1400000, "GFP_NOIO"},     {0x1000000, "GFP_NOWAIT"}};
constexpr Bit kComposites418[] = {
    {0x6200ca, "GFP_HIGHUSER_MOVABLE"}, {0x6200c2, "GFP_HIGHUSER"}, {0x6200c0, "GFP_USER"},
    {0x7000c0, "GFP_KERNEL_ACCOUNT"},   {0x6000c0, "GFP_KERNEL"},   {0x600040, "GFP_NOFS"},
    {0x480020, "GFP_ATOMIC"},           {0x600000, "GFP_NOIO"},     {0x400000, "GFP_NOWAIT"}};
constexpr Bit kComposites51[] = {{0x100cca, "GFP_HIGHUSER_MOVABLE"},
                                 {0x100cc2, "GFP_HIGHUSER"},
                                 {0x100cc0, "GFP_USER"},
                                 {0x400cc0, "GFP_KERNEL_ACCOUNT"},
                                 {0xcc0, "GFP_KERNEL"},
                                 {0xc40, "GFP_NOFS"},
                                 {0xa20, "GFP_ATOMIC"},
                                 {0xc00, "GFP_NOIO"},
                                 {0x800, "GFP_NOWAIT"}};

struct Era {
  std::span<const Bit> bits, composites;
};

Era era_of(std::uint64_t value) {
  if ((value & 0xc00) == 0xc00 && (value & 0x10) == 0) {
    return {kBits51, kComposites51};
  }
  if ((value & 0x2400000) == 0x2400000) {
    return {kBits44, kComposites44};
  }
  if ((value & 0x1400000) == 0x1400000) {
    return {kBits410, kComposites410};
  }
  if ((value & 0x600000) == 0x600000) {
    return {kBits418, kComposites418};
  }
  if ((value & 0x10) != 0 && (value & 0xc00) != 0xc00) {
    return {kBits26, kComposites26};
  }
  return (value & 0xc00) == 0xc00 ? Era{kBits51, kComposites51} : Era{kBits26, kComposites26};
}

// "GFP_KERNEL|0x1000000" for a number of that era.
std::string name_mask(std::uint64_t value, const Era& era) {
  std::string text;
  const auto take = [&](std::span<const Bit> table) {
    for (const auto& bit : table) {
      if ((value & bit.mask) == bit.mask) {
        text += fmt::format("{}{}", text.empty() ? "" : "|", bit.name);
        value &= ~bit.mask;
      }
    }
  };
  take(era.composites);
  take(kFixedBits);
  take(era.bits);
  if (value != 0) {
    text += fmt::format("{}{:#x}", text.empty() ? "" : "|", value);
  }
  return text;
}

void add_flag(std::vector<std::string>& flags, std::string_view name) {
  if (std::ranges::find(flags, name) == flags.end()) {
    flags.emplace_back(name);
  }
}

// A composite's name as single flags; a single flag as itself.
void expand(std::vector<std::string>& flags, std::string_view name, bool old_era) {
  struct Composite {
    std::string_view name, parts;
  };
  constexpr Composite kParts[] = {
      {"GFP_TRANSHUGE", "GFP_TRANSHUGE_LIGHT|__GFP_DIRECT_RECLAIM"},
      {"GFP_TRANSHUGE_LIGHT",
       "__GFP_FS|__GFP_IO|__GFP_HARDWALL|__GFP_HIGHMEM|__GFP_MOVABLE|__GFP_COMP|__GFP_NOMEMALLOC|__GFP_NOWARN"},
      {"GFP_HIGHUSER_MOVABLE", "GFP_HIGHUSER|__GFP_MOVABLE"},
      {"GFP_HIGHUSER", "GFP_USER|__GFP_HIGHMEM"},
      {"GFP_USER", "GFP_KERNEL|__GFP_HARDWALL"},
      {"GFP_TEMPORARY", "GFP_KERNEL|__GFP_RECLAIMABLE"},
      {"GFP_KERNEL_ACCOUNT", "GFP_KERNEL|__GFP_ACCOUNT"},
      {"GFP_KERNEL", "__GFP_RECLAIM|__GFP_IO|__GFP_FS"},
      {"GFP_NOFS", "__GFP_RECLAIM|__GFP_IO"},
      {"GFP_NOIO", "__GFP_RECLAIM"},
      {"GFP_ATOMIC", "__GFP_HIGH|__GFP_KSWAPD_RECLAIM"},
      {"GFP_NOWAIT", "__GFP_KSWAPD_RECLAIM"},
      {"GFP_DMA", "__GFP_DMA"},
      {"GFP_DMA32", "__GFP_DMA32"},
      {"__GFP_RECLAIM", "__GFP_DIRECT_RECLAIM|__GFP_KSWAPD_RECLAIM"},
  };
  if (old_era && name == "__GFP_RECLAIM") {
    add_flag(flags, "__GFP_WAIT");
    return;
  }
  if (old_era && name == "GFP_ATOMIC") {
    add_flag(flags, "__GFP_HIGH");
    return;
  }
  const auto found = std::ranges::find(kParts, name, &Composite::name);
  if (found == std::end(kParts)) {
    add_flag(flags, name);
    return;
  }
  for (auto rest = found->parts; !rest.empty();) {
    const auto bar = std::min(rest.find('|'), rest.size());
    expand(flags, rest.substr(0, bar), old_era);
    rest.remove_prefix(std::min(bar + 1, rest.size()));
  }
}

}  // namespace

GfpMask read_gfp_mask(std::uint64_t value, std::string_view names, bool has_names) {
  GfpMask mask{.value = value, .text = std::string(names), .flags = {}};
  bool old_era = false;
  if (!has_names) {
    const auto era = era_of(value);
    old_era = era.bits.data() == kBits26;
    mask.text = name_mask(value, era);
  }
  for (std::string_view rest = *mask.text; !rest.empty();) {
    const auto bar = std::min(rest.find('|'), rest.size());
    expand(mask.flags, rest.substr(0, bar), old_era);
    rest.remove_prefix(std::min(bar + 1, rest.size()));
  }
  return mask;
}

}  // namespace forensics
