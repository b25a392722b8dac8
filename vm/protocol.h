#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/exit_status.h"
#include "base/result.h"

// What host and agent say to each other over the port "oomlab.agent": frames of a type, a length and a payload, all
// numbers little endian.
//
//   guest                                   host
//   hello  ------------------------------->          once, then the guest may be snapshotted
//          <-------------------------------  run     the whole order; answered by data or by refusal
//   data, credit, close  <------------->  data, credit, close, signal
//   file* exit  -------------------------->
//          <-------------------------------  quit    the guest ends (so it does when the port closes)
//
// Each stream has a window: its sender may have kStreamWindow bytes unacknowledged, and the receiver gives credit for
// what it passed on. So a stream that nobody reads stops its writer and nothing else. close ends a stream from either
// side: no more bytes come, or no more are wanted (the writer gets SIGPIPE). Both sides treat the other as hostile:
// lengths and types are checked before anything is stored.
namespace vm {

inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr std::size_t kFrameHeaderBytes = 8;                // u32 type, u32 payload length
inline constexpr std::size_t kChunkBytes = std::size_t{64} << 10;  // of a stream or a file in one frame
inline constexpr std::size_t kMaxRunBytes = std::size_t{4}
                                            << 20;  // arguments and environment, as execve(2) bounds them
inline constexpr std::size_t kStreamWindow = std::size_t{256} << 10;

enum class FrameType : std::uint32_t { hello = 1, run, refusal, data, credit, close, signal, file, exit, quit };
enum class Stream : std::uint32_t { input, output, error };  // the command's descriptors 0, 1, 2

// What the agent greets with: the kernel's release and the identity of its own binary.
struct HelloFrame {
  std::uint32_t version = kProtocolVersion;
  std::string kernel;
  std::string agent;
};

// Everything a fresh (or restored) guest needs to run one command.
struct RunFrame {
  std::int64_t realtime_ns = 0;  // CLOCK_REALTIME of the host
  std::string seed;              // fresh random bytes
  std::string hostname;
  bool host_files = false;       // serve FUSE on "oomlab.fs" and mount it
  bool console_verbose = false;  // the kernel log goes to the serial console, for the report of a panic
  std::uint64_t swap_bytes = 0;
  std::uint64_t disk_bytes = 0;
  std::vector<std::pair<std::string, std::string>> sysctls;
  std::vector<std::string> argv;
  std::vector<std::string> environment;
  std::optional<std::string> root;
  std::string working_folder;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::vector<std::string> fetch;
};

struct DataFrame {
  Stream stream{};
  std::string_view bytes;
};
struct CreditFrame {
  Stream stream{};
  std::uint32_t bytes = 0;
};
struct FileFrame {
  std::uint32_t index = 0;  // into RunFrame::fetch; a file comes in one frame or more, in order
  std::string_view bytes;
};

// Payloads. The readers accept exactly what the writers produce: kind parse otherwise.
std::string encode(const HelloFrame& hello);
std::string encode(const RunFrame& run);
std::string encode(const base::ExitStatus& status);
std::string encode_number(std::uint32_t number);  // close and signal; the first four bytes of data, credit and file
base::Result<HelloFrame> decode_hello(std::string_view payload);
base::Result<RunFrame> decode_run(std::string_view payload);
base::Result<base::ExitStatus> decode_exit(std::string_view payload);
base::Result<DataFrame> decode_data(std::string_view payload);
base::Result<CreditFrame> decode_credit(std::string_view payload);
base::Result<Stream> decode_close(std::string_view payload);
base::Result<int> decode_signal(std::string_view payload);
base::Result<FileFrame> decode_file(std::string_view payload);

}  // namespace vm
