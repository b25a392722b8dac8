#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "forensics/renderer.h"
#include "forensics/text_layout.h"

namespace forensics {

enum class Tone { plain, strong, bad, good, dim, accent };

// A page of terminal text that is being written. It escapes what it is given, but for what line() and paint() get,
// which is ready: what comes from outside goes through shown() before.
class Page {
 public:
  explicit Page(const RenderOptions& options);

  // Columns to write in: 40 to 200.
  [[nodiscard]] std::size_t width() const { return width_; }
  // The text in colour, when asked for; its width stays.
  [[nodiscard]] std::string paint(Tone tone, std::string_view text) const;

  void line(std::string_view text = {});
  // What another page of the same options has.
  void add(Page&& page) { out_ += page.out_; }
  // Wrapped, every line in that tone, the later ones indented by so much.
  void paragraph(std::string_view text, Tone tone = Tone::plain, std::size_t indent = 0);
  void heading(std::string_view text);
  // "  label     text", wrapped with the label's column kept free.
  void fact(std::string_view label, std::string_view text);
  // "  label     ███████  text"
  void gauge(std::string_view label, double share, std::string_view text, Tone tone);
  // "  - text", wrapped behind its marker.
  void bullet(std::string_view marker, std::string_view text, std::size_t indent = 2, Tone tone = Tone::plain);

  struct Column {
    std::string title;
    Align align = Align::left;
    bool flexible = false;   // is cut when the line is too long
    unsigned droppable = 0;  // left out where even that does not help: 1 first; 0 never
  };
  struct Row {
    std::vector<std::string> cells;
    Tone tone = Tone::plain;
  };
  void table(const std::vector<Column>& columns, std::vector<Row> rows);

  std::string finish() && { return std::move(out_); }

 private:
  // Columns for running text that is indented by so much.
  [[nodiscard]] std::size_t prose(std::size_t indent) const;

  std::string out_;
  std::size_t width_;
  bool colour_;
};

// A string from a log, a cgroup or a user, safe on a terminal.
std::string shown(std::string_view bytes);

}  // namespace forensics
