#pragma once

#include <string>
#include <string_view>

// All text from logs, process names and cgroup names is hostile. Each output has its escaping in one place; the
// terminal's and the repair of UTF-8 that JSON needs are here because every library writes messages, HTML's and XML's
// are with their renderers.
namespace base {

// Valid UTF-8 with every byte that is not part of a valid sequence written as the four characters \xNN (as /dev/kmsg
// does).
std::string to_valid_utf8(std::string_view bytes);

// Safe on a terminal: valid UTF-8, control characters (C0, DEL, C1) and bidirectional overrides as \xNN or \u{N}; never
// an escape sequence.
std::string escape_terminal(std::string_view bytes);

// The inside of a JSON string (RFC 8259) that is safe on a terminal, too: what is no valid UTF-8 as \\xNN, quotes,
// backslashes, control characters and bidirectional overrides as JSON's own escapes, which a reader undoes.
std::string escape_json(std::string_view bytes);

// Undoes \xNN (the escapes of a /dev/kmsg record, printk_ringbuffer and printk's record_print_text): other backslashes
// stay as they are.
std::string unescape_kmsg(std::string_view text);

// Quoted for a POSIX shell, unquoted when every byte is harmless: for commands that a user may copy.
std::string quote_shell(std::string_view word);

}  // namespace base
