#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "forensics/composition.h"
#include "forensics/html/charts.h"
#include "forensics/html/ink.h"
#include "forensics/words.h"

namespace forensics::html {
namespace {

using base::human_size;

constexpr std::size_t kPartsShown = 12;
constexpr double kRoomForKey = 3.5;     // per cent of the width
constexpr double kRightOfLimit = 0.96;  // where the line of the limit stands when the bar reaches it

std::string share_words(double share) {
  return share < 0.005 ? "under 1 %" : fmt::format("{} %", percent(share));
}

// 'A' for the first part.
std::string key_of(std::size_t index) {
  std::string key = "A";
  key.front() = static_cast<char>(key.front() + static_cast<char>(index));
  return key;
}

Count limit_of(const Incident& incident) {
  return incident.scope == "memcg" && incident.cgroup && incident.cgroup->memory ? incident.cgroup->memory->limit_bytes
                                                                                 : std::nullopt;
}

// "anonymous memory 47.7 MiB (99 %), page tables ...": the bar in words.
std::string in_words(const MainParts& main) {
  std::string words;
  for (const auto& part : main.parts) {
    words += fmt::format("{}{} {} ({})", words.empty() ? "" : ", ", part_words(part.part), human_size(part.bytes),
                         share_words(part.share));
  }
  return words;
}

void write_bar_of(Page& page, const MainParts& main, double scale, Count limit) {
  page.put(R"(<svg class="composition" width="100%" height="64" role="img" aria-label="{}">)", in_words(main));
  double at = 0;
  for (std::size_t i = 0; i < main.parts.size(); ++i) {
    const auto& part = main.parts[i];
    const auto width = static_cast<double>(part.bytes) / scale * 100;
    page.put(
        R"html(<rect class="part" x="{}%" y="18" width="{}%" height="46" fill="url(#{})"><title>{}</title></rect>)html",
        at, width, ink_of(part.part), fmt::format("{}: {}", part_words(part.part), human_size(part.bytes)));
    if (width >= kRoomForKey) {
      page.put(R"(<text class="key" x="{}%" y="46">{}</text>)", at + width / 2, key_of(i));
    }
    at += width;
  }
  if (limit) {
    const auto x = static_cast<double>(*limit) / scale * 100;
    page.put(
        R"(<line class="limit" x1="{}%" x2="{}%" y1="14" y2="64"/><text class="limit-label" x="{}%" y="12">{}</text>)",
        x, x, x, fmt::format("limit {}", human_size(*limit)));
  }
  page.put("</svg>\n");
}

void write_legend(Page& page, const Incident& incident, const MainParts& main) {
  page.put(
      "<table class=\"legend\"><caption class=\"unseen\">{}</caption>\n<thead><tr><th scope=\"col\">key</th><th "
      "scope=\"col\">part</th><th scope=\"col\" class=\"n\">size</th><th scope=\"col\" "
      "class=\"n\">share</th></tr></thead>"
      "<tbody>\n",
      breakdown_title(incident));
  for (std::size_t i = 0; i < main.parts.size(); ++i) {
    const auto& part = main.parts[i];
    page.put("<tr><td class=\"swatches\">");
    write_swatch(page, part.part);
    page.put(R"({}</td><th scope="row">{}</th><td class="n">{}</td><td class="n">{}</td></tr>)", key_of(i),
             part_words(part.part), human_size(part.bytes), share_words(part.share));
    page.put("\n");
  }
  page.put("</tbody></table>\n");
}

}  // namespace

void write_composition(Page& page, const Incident& incident, Proof& proof) {
  const auto main = main_parts(incident, kPartsShown, 0);
  if (main.parts.empty()) {
    return;
  }
  std::uint64_t sum = 0;
  for (const auto& part : main.parts) {
    sum += std::min(part.bytes, UINT64_MAX - sum);
  }
  const auto limit = limit_of(incident);
  const auto scale =
      std::max({static_cast<double>(sum), limit ? static_cast<double>(*limit) / kRightOfLimit : 0.0, 1.0});
  page.put("<figure>\n");
  write_bar_of(page, main, scale, limit);
  page.put("<figcaption>");
  page.put("Parts do not overlap; together {}", human_size(sum));
  if (incident.analysis.breakdown_error_bytes) {
    page.put(", give or take {}", human_size(*incident.analysis.breakdown_error_bytes));
  }
  page.put(".");
  proof.cite(page,
             incident.scope == "memcg" ? proof.of({"memcg_stats", "memcg_counter"}) : proof.of({"page_counters"}));
  page.put("</figcaption>\n");
  write_legend(page, incident, main);
  page.put("</figure>\n");
  if (incident.analysis.unlisted && !incident.analysis.unlisted->words.empty()) {
    page.put("<p>{}</p>\n", sentence(incident.analysis.unlisted->words));
  }
}

}  // namespace forensics::html
