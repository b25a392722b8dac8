#include "forensics/html/ink.h"

#include <algorithm>
#include <array>

namespace forensics::html {
namespace {

enum class Texture { plain, slash, backslash, dots, grid, level, upright };

struct Ink {
  std::string_view part, id, colour;
  Texture texture;
};

constexpr std::string_view kBlue = "#0072b2", kSky = "#56b4e9", kGreen = "#009e73", kOrange = "#e69f00",
                           kVermilion = "#d55e00", kPurple = "#cc79a7", kYellow = "#f0e442", kGrey = "#9a9a9a",
                           kPaper = "#f4f4f4";

constexpr auto kInks = std::to_array<Ink>({
    {"anon", "ink-anon", kBlue, Texture::plain},
    {"unevictable", "ink-unevictable", kBlue, Texture::grid},
    {"swapcache", "ink-swapcache", kBlue, Texture::upright},
    {"shmem", "ink-shmem", kSky, Texture::slash},
    {"file", "ink-file", kGreen, Texture::dots},
    {"file_dirty", "ink-file-dirty", kGreen, Texture::grid},
    {"file_writeback", "ink-file-writeback", kGreen, Texture::level},
    {"slab_reclaimable", "ink-slab-reclaimable", kOrange, Texture::backslash},
    {"slab_unreclaimable", "ink-slab-unreclaimable", kVermilion, Texture::backslash},
    {"pagetables", "ink-pagetables", kPurple, Texture::plain},
    {"sec_pagetables", "ink-sec-pagetables", kPurple, Texture::level},
    {"kernel_stack", "ink-kernel-stack", kPurple, Texture::dots},
    {"percpu", "ink-percpu", kPurple, Texture::upright},
    {"vmalloc", "ink-vmalloc", kPurple, Texture::grid},
    {"sock", "ink-sock", kVermilion, Texture::dots},
    {"kernel_other", "ink-kernel-other", kVermilion, Texture::plain},
    {"kernel_misc_reclaimable", "ink-kernel-misc", kOrange, Texture::dots},
    {"zswap", "ink-zswap", kYellow, Texture::slash},
    {"zspages", "ink-zspages", kYellow, Texture::dots},
    {"hugetlb", "ink-hugetlb", kYellow, Texture::grid},
    {"balloon", "ink-balloon", kGrey, Texture::dots},
    {"gpu", "ink-gpu", kGrey, Texture::grid},
    {"reserved", "ink-reserved", kGrey, Texture::level},
    {"free", "ink-free", kPaper, Texture::plain},
    {"free_cma", "ink-free-cma", kPaper, Texture::dots},
    {"unaccounted", "ink-unaccounted", kGrey, Texture::slash},
    {"", "ink-other", kGrey, Texture::plain},
});

void write_texture(Page& page, Texture texture) {
  switch (texture) {
    case Texture::plain:
      return;
    case Texture::slash:
      page.put(R"(<path d="M-2 2 2-2M0 8 8 0M6 10 10 6"/>)");
      return;
    case Texture::backslash:
      page.put(R"(<path d="M-2 6 2 10M0 0 8 8M6-2 10 2"/>)");
      return;
    case Texture::dots:
      page.put(R"(<circle cx="2" cy="2" r="1.1"/><circle cx="6" cy="6" r="1.1"/>)");
      return;
    case Texture::grid:
      page.put(R"(<path d="M0 4H8M4 0V8"/>)");
      return;
    case Texture::level:
      page.put(R"(<path d="M0 2H8M0 6H8"/>)");
      return;
    case Texture::upright:
      page.put(R"(<path d="M2 0V8M6 0V8"/>)");
      return;
  }
}

}  // namespace

std::string_view ink_of(std::string_view part) {
  const auto found = std::ranges::find(kInks, part, &Ink::part);
  return found == kInks.end() ? kInks.back().id : found->id;
}

void write_inks(Page& page) {
  page.put(R"(<svg class="inks" width="0" height="0" aria-hidden="true" focusable="false"><defs>)");
  for (const auto& ink : kInks) {
    page.put(
        R"(<pattern id="{}" width="8" height="8" patternUnits="userSpaceOnUse"><rect width="8" height="8" fill="{}"/>)",
        ink.id, ink.colour);
    write_texture(page, ink.texture);
    page.put("</pattern>");
  }
  page.put("</defs></svg>\n");
}

void write_swatch(Page& page, std::string_view part) {
  page.put(
      R"html(<svg class="swatch" width="18" height="18" aria-hidden="true"><rect width="18" height="18" fill="url(#{})"/></svg>)html",
      ink_of(part));
}

}  // namespace forensics::html
