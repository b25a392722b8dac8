#include "vm/protocol.h"

#include <array>
#include <bit>

#include <fmt/format.h>

namespace vm {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie in memory");

namespace {

class Packer {
 public:
  template <typename T>
  void number(T value) {
    bytes_.append(std::bit_cast<std::array<char, sizeof(T)>>(value).data(), sizeof(T));
  }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    bytes_.append(value);
  }
  void list(const std::vector<std::string>& values) {
    number(static_cast<std::uint32_t>(values.size()));
    for (const auto& value : values) {
      text(value);
    }
  }
  template <typename T>
  void optional_number(const std::optional<T>& value) {
    number<std::uint8_t>(value ? 1 : 0);
    number(value.value_or(T{}));
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reads what Packer wrote. After the first thing that does not fit every reader returns an empty value, and complete()
// says no.
class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : rest_(bytes) {}

  template <typename T>
  T number() {
    T value{};
    const auto bytes = take(sizeof(T));
    if (bytes.size() == sizeof(T)) {
      bytes.copy(reinterpret_cast<char*>(&value), sizeof(T));
    }
    return value;
  }
  std::string_view text() { return take(number<std::uint32_t>()); }
  std::vector<std::string> list() {
    std::vector<std::string> values;
    for (auto left = number<std::uint32_t>(); left > 0 && good_; --left) {
      values.emplace_back(text());
    }
    return values;
  }
  template <typename T>
  std::optional<T> optional_number() {
    const bool there = number<std::uint8_t>() == 1;
    const T value = number<T>();
    return there ? std::optional(value) : std::nullopt;
  }
  std::string_view rest() { return std::exchange(rest_, {}); }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool complete() const { return good_ && rest_.empty(); }

 private:
  std::string_view take(std::size_t count) {
    if (!good_ || count > rest_.size()) {
      good_ = false;
      return {};
    }
    const auto bytes = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return bytes;
  }

  std::string_view rest_;
  bool good_ = true;
};

std::unexpected<base::Error> malformed(std::string_view what) {
  return base::fail(base::ErrorKind::parse, fmt::format("malformed {} frame", what));
}

Stream read_stream(Unpacker& in, bool& known) {
  const auto stream = in.number<std::uint32_t>();
  known = stream <= static_cast<std::uint32_t>(Stream::error);
  return static_cast<Stream>(stream);
}

}  // namespace

std::string encode_number(std::uint32_t number) {
  Packer out;
  out.number(number);
  return out.take();
}

std::string encode(const HelloFrame& hello) {
  Packer out;
  out.text("oomlab");
  out.number(hello.version);
  out.text(hello.kernel);
  out.text(hello.agent);
  return out.take();
}

base::Result<HelloFrame> decode_hello(std::string_view payload) {
  Unpacker in(payload);
  HelloFrame hello;
  const bool is_ours = in.text() == "oomlab";
  hello.version = in.number<std::uint32_t>();
  if (is_ours &&
      hello.version != kProtocolVersion) {  // another version may go on differently: name it before the rest is judged
    return base::fail(base::ErrorKind::parse,
                      fmt::format("the guest's agent speaks version {}, expected {}", hello.version, kProtocolVersion));
  }
  hello.kernel = in.text();
  hello.agent = in.text();
  if (!is_ours || !in.complete()) {
    return malformed("hello");
  }
  return hello;
}

std::string encode(const RunFrame& run) {
  Packer out;
  out.number(run.realtime_ns);
  out.text(run.seed);
  out.text(run.hostname);
  out.number<std::uint8_t>(run.host_files ? 1 : 0);
  out.number<std::uint8_t>(run.console_verbose ? 1 : 0);
  out.number(run.swap_bytes);
  out.number(run.disk_bytes);
  out.number(static_cast<std::uint32_t>(run.sysctls.size()));
  for (const auto& [name, value] : run.sysctls) {
    out.text(name);
    out.text(value);
  }
  out.list(run.argv);
  out.list(run.environment);
  out.number<std::uint8_t>(run.root ? 1 : 0);
  out.text(run.root.value_or(""));
  out.text(run.working_folder);
  out.optional_number(run.uid);
  out.optional_number(run.gid);
  out.list(run.fetch);
  return out.take();
}

base::Result<RunFrame> decode_run(std::string_view payload) {
  Unpacker in(payload);
  RunFrame run;
  run.realtime_ns = in.number<std::int64_t>();
  run.seed = in.text();
  run.hostname = in.text();
  run.host_files = in.number<std::uint8_t>() == 1;
  run.console_verbose = in.number<std::uint8_t>() == 1;
  run.swap_bytes = in.number<std::uint64_t>();
  run.disk_bytes = in.number<std::uint64_t>();
  for (auto left = in.number<std::uint32_t>(); left > 0 && in.good(); --left) {
    const auto name = in.text();
    run.sysctls.emplace_back(name, in.text());
  }
  run.argv = in.list();
  run.environment = in.list();
  const bool has_root = in.number<std::uint8_t>() == 1;
  const auto root = in.text();
  if (has_root) {
    run.root = root;
  }
  run.working_folder = in.text();
  run.uid = in.optional_number<uid_t>();
  run.gid = in.optional_number<gid_t>();
  run.fetch = in.list();
  if (!in.complete() || run.argv.empty()) {
    return malformed("run");
  }
  return run;
}

std::string encode(const base::ExitStatus& status) {
  Packer out;
  out.number<std::uint8_t>(status.signal ? 1 : 0);
  out.number(static_cast<std::uint32_t>(status.signal.value_or(status.exit_code.value_or(0))));
  return out.take();
}

base::Result<base::ExitStatus> decode_exit(std::string_view payload) {
  Unpacker in(payload);
  const auto by_signal = in.number<std::uint8_t>();
  const auto value = in.number<std::uint32_t>();
  if (!in.complete() || by_signal > 1 || value > (by_signal == 1 ? 64U : 255U)) {
    return malformed("exit");
  }
  if (by_signal == 1) {
    return base::ExitStatus{.signal = static_cast<int>(value)};
  }
  return base::ExitStatus{.exit_code = static_cast<int>(value)};
}

base::Result<DataFrame> decode_data(std::string_view payload) {
  Unpacker in(payload);
  bool known = false;
  DataFrame data{.stream = read_stream(in, known)};
  data.bytes = in.rest();
  if (!known || !in.complete()) {
    return malformed("data");
  }
  return data;
}

base::Result<CreditFrame> decode_credit(std::string_view payload) {
  Unpacker in(payload);
  bool known = false;
  CreditFrame credit{.stream = read_stream(in, known)};
  credit.bytes = in.number<std::uint32_t>();
  if (!known || !in.complete() || credit.bytes > kStreamWindow) {
    return malformed("credit");
  }
  return credit;
}

base::Result<Stream> decode_close(std::string_view payload) {
  Unpacker in(payload);
  bool known = false;
  const Stream stream = read_stream(in, known);
  if (!known || !in.complete()) {
    return malformed("close");
  }
  return stream;
}

base::Result<int> decode_signal(std::string_view payload) {
  Unpacker in(payload);
  const auto signal = in.number<std::uint32_t>();
  if (!in.complete() || signal < 1 || signal > 64) {
    return malformed("signal");
  }
  return static_cast<int>(signal);
}

base::Result<FileFrame> decode_file(std::string_view payload) {
  Unpacker in(payload);
  FileFrame file{.index = in.number<std::uint32_t>()};
  file.bytes = in.rest();
  if (!in.complete()) {
    return malformed("file");
  }
  return file;
}

}  // namespace vm
