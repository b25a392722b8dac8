#include "vm/session.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "base/event_loop.h"
#include "base/fd.h"
#include "vm/file_channel.h"
#include "vm/frame_port.h"
#include "vm/protocol.h"
#include "vm/stream.h"

namespace vm {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kInsistence = std::chrono::seconds(3);        // a second signal within this ends the guest
constexpr std::size_t kMaxFetched = std::size_t{256} << 20;  // of all files together, held in memory

void make_non_blocking(int fd) {
  (void)::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);  // sockets take it
}

// While it lives the forwarded signals are blocked for this thread (signalfd(2) reads them) and SIGPIPE is ignored;
// then all is as before.
class SignalGuard {
 public:
  static base::Result<SignalGuard> create() {
    SignalGuard guard;
    if (const int error = ::pthread_sigmask(SIG_BLOCK, nullptr, &guard.mask_); error != 0) {
      return base::system_error("pthread_sigmask", error);
    }
    struct sigaction ignore{};
    ignore.sa_handler = SIG_IGN;
    if (::sigaction(SIGPIPE, &ignore, &guard.pipe_action_) != 0) {
      return base::system_error("sigaction");
    }
    guard.armed_ = true;
    TRY_ASSIGN(guard.fd_, base::signal_fd({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}));
    return guard;
  }
  SignalGuard(SignalGuard&& other) noexcept
      : mask_(other.mask_),
        pipe_action_(other.pipe_action_),
        fd_(std::move(other.fd_)),
        armed_(std::exchange(other.armed_, false)) {}
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(SignalGuard&&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;
  ~SignalGuard() {
    if (armed_) {
      (void)::sigaction(SIGPIPE, &pipe_action_, nullptr);  // both were valid when they were read
      (void)::pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
    }
  }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  SignalGuard() = default;
  sigset_t mask_{};
  struct sigaction pipe_action_{};
  base::Fd fd_;
  bool armed_ = false;
};

base::Result<std::string> fresh_randomness() {
  std::array<char, 64> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return base::system_error("getrandom");
  }
  return std::string(bytes.data(), bytes.size());
}

std::string own_hostname() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "oomlab";
}

base::Result<RunFrame> make_order(const Request& request, bool host_files) {
  timespec now{};
  (void)::clock_gettime(CLOCK_REALTIME, &now);  // fails only for a bad clock
  TRY_ASSIGN(auto seed, fresh_randomness());
  const bool may_panic =
      std::ranges::any_of(request.sysctls, [](const auto& entry) { return entry.first == "vm.panic_on_oom"; });
  return RunFrame{
      .realtime_ns = now.tv_sec * 1'000'000'000LL + now.tv_nsec,
      .seed = std::move(seed),
      .hostname = own_hostname(),
      .host_files = host_files,
      .console_verbose = may_panic,
      .swap_bytes = request.swap_bytes,
      .disk_bytes = request.disk_bytes,
      .sysctls = request.sysctls,
      .argv = request.argv,
      .environment = request.environment,
      .root = request.root,
      .working_folder = request.working_folder,
      .uid = request.uid,
      .gid = request.gid,
      .fetch = request.fetch,
  };
}

// A stdout that the session may write to without ever blocking: the terminal or pipe opened once more, because
// O_NONBLOCK on the description that we share with our parent would be its surprise. Empty where that is not possible.
base::Fd reopen_non_blocking(int fd) {
  struct stat status{};
  if (fd < 0 || ::fstat(fd, &status) != 0 || (!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode))) {
    return {};
  }
  return base::Fd(::open(fmt::format("/proc/self/fd/{}", fd).c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

class Session {
 public:
  Session(base::EventLoop& loop, int agent_fd, const Request& request)
      : loop_(loop),
        request_(request),
        port_(loop, agent_fd),
        input_(loop, port_, Stream::input, [] {}),
        output_(loop, port_, Stream::output, [this] { stop_if_written(); }),
        error_(loop, port_, Stream::error, [this] { stop_if_written(); }) {}

  base::Result<> serve_files(int fs_fd);
  base::Result<> start(int alive_fd, int signal_fd, const RunFrame& order);
  base::Result<SessionEnd> take_end();

 private:
  base::Result<> start_streams();
  base::Result<> on_frame(const Frame& frame);
  base::Result<> on_file(std::string_view payload);
  void on_signal(int signal_fd);
  void end(SessionEnd::How how);
  void stop_if_written();

  base::EventLoop& loop_;
  const Request& request_;
  FramePort port_;
  std::optional<FileChannel> files_channel_;
  StreamSource input_;
  base::Fd output_fd_, error_fd_;
  StreamSink output_, error_;
  std::optional<Clock::time_point> last_signal_;
  std::vector<std::optional<std::string>> files_;
  std::size_t fetched_ = 0;
  std::optional<base::ExitStatus> status_;
  unsigned sinks_written_ = 0;
  SessionEnd::How how_ = SessionEnd::How::guest_gone;
  base::Result<> failure_;
};

base::Result<> Session::start(int alive_fd, int signal_fd, const RunFrame& order) {
  const auto encoded = encode(order);
  if (encoded.size() > kMaxRunBytes) {
    return base::fail(base::ErrorKind::usage, "arguments and environment are larger than 4 MiB");
  }
  files_.resize(request_.fetch.size());
  TRY(port_.start({
      .on_frame = [this](const Frame& frame) { return on_frame(frame); },
      .on_room = [this] { (void)input_.resume(); },  // cannot fail once it has begun
      .on_end =
          [this](base::Result<> why) {
            if (!status_) {
              failure_ = std::move(why);
              end(SessionEnd::How::guest_gone);
            }
          },
  }));
  TRY(loop_.watch(alive_fd, EPOLLIN, [this, alive_fd](std::uint32_t) {
    loop_.unwatch(alive_fd);
    if (!status_) {
      end(SessionEnd::How::guest_gone);
    }
  }));
  TRY(loop_.watch(signal_fd, EPOLLIN, [this, signal_fd](std::uint32_t) { on_signal(signal_fd); }));
  if (request_.timeout) {
    loop_.at(Clock::now() + *request_.timeout, [this] { end(SessionEnd::How::timed_out); });
  }
  port_.put(FrameType::run, encoded);
  return start_streams();
}

base::Result<> Session::serve_files(int fs_fd) {
  make_non_blocking(fs_fd);
  TRY_ASSIGN(auto server, FileServer::create("/"));
  files_channel_.emplace(loop_, fs_fd, std::move(server));
  return files_channel_->start([this](base::Result<> why) {
    if (!status_) {
      failure_ = std::move(why);
      end(SessionEnd::How::guest_gone);
    }
  });
}

base::Result<> Session::start_streams() {
  const auto start_sink = [](StreamSink& sink, base::Fd& own, int fd) {
    own = reopen_non_blocking(fd);
    sink.start(own ? own.get() : fd, own ? StreamSink::Blocking::no : StreamSink::Blocking::yes);
  };
  start_sink(output_, output_fd_, request_.stdout_fd);
  start_sink(error_, error_fd_, request_.stderr_fd);
  if (request_.stdin_fd < 0) {
    port_.put(FrameType::close, encode_number(static_cast<std::uint32_t>(Stream::input)));
    return {};
  }
  return input_.start(request_.stdin_fd);
}

base::Result<> Session::on_frame(const Frame& frame) {
  switch (frame.type) {
    case FrameType::data: {
      TRY_ASSIGN(const auto data, decode_data(frame.payload));
      if (data.stream == Stream::input) {
        break;
      }
      return (data.stream == Stream::output ? output_ : error_).accept(data.bytes);
    }
    case FrameType::credit: {
      TRY_ASSIGN(const auto credit, decode_credit(frame.payload));
      return credit.stream == Stream::input ? input_.grant(credit.bytes) : base::Result<>{};
    }
    case FrameType::close: {
      TRY_ASSIGN(const auto stream, decode_close(frame.payload));
      if (stream == Stream::input) {
        input_.stop();
      }
      return {};
    }
    case FrameType::file:
      return on_file(frame.payload);
    case FrameType::refusal:
      return base::fail(base::ErrorKind::unsupported, fmt::format("the guest refused: {}", frame.payload));
    case FrameType::exit: {
      if (status_) {
        break;
      }
      TRY_ASSIGN(status_, decode_exit(frame.payload));
      input_.stop();
      TRY(output_.close());
      return error_.close();
    }
    default:
      break;
  }
  return base::fail(base::ErrorKind::parse,
                    fmt::format("agent port: unexpected frame of type {}", static_cast<std::uint32_t>(frame.type)));
}

base::Result<> Session::on_file(std::string_view payload) {
  TRY_ASSIGN(const auto file, decode_file(payload));
  fetched_ += file.bytes.size();
  if (file.index >= files_.size() || fetched_ > kMaxFetched) {
    return base::fail(base::ErrorKind::parse, "agent port: a file that was not asked for, or too large");
  }
  auto& content = files_[file.index];
  content = content ? *content + std::string(file.bytes) : std::string(file.bytes);
  return {};
}

void Session::on_signal(int signal_fd) {
  while (const auto signal = base::read_signal(signal_fd)) {
    const auto now = Clock::now();
    if (*signal == SIGUSR1 || *signal == SIGUSR2) {  // do not ask for an end
      port_.put(FrameType::signal, encode_number(static_cast<std::uint32_t>(*signal)));
      continue;
    }
    if (last_signal_ && now - *last_signal_ < kInsistence) {
      end(SessionEnd::How::guest_gone);
      return;
    }
    last_signal_ = now;
    port_.put(FrameType::signal, encode_number(static_cast<std::uint32_t>(*signal)));
  }
}

void Session::end(SessionEnd::How how) {
  how_ = how;
  loop_.stop();
}

// The command has ended; the session ends when its last output is written.
void Session::stop_if_written() {
  if (++sinks_written_ == 2) {
    end(SessionEnd::How::exited);
  }
}

base::Result<SessionEnd> Session::take_end() {
  TRY(std::move(failure_));
  SessionEnd result{
      .how = how_, .status = status_.value_or(base::ExitStatus{}), .told_to_end = last_signal_.has_value()};
  for (std::size_t i = 0; i < files_.size(); ++i) {
    if (files_[i]) {
      result.files.emplace_back(request_.fetch[i], std::move(*files_[i]));
    }
  }
  return result;
}

}  // namespace

base::Result<Hello> wait_for_hello(int agent_fd, int alive_fd, Clock::time_point deadline) {
  make_non_blocking(agent_fd);
  FrameReader reader;
  while (true) {
    TRY_ASSIGN(const auto frame, reader.next());
    if (frame) {
      if (frame->type != FrameType::hello) {
        return base::fail(base::ErrorKind::parse, "the guest's agent: expected a greeting");
      }
      TRY_ASSIGN(auto hello, decode_hello(frame->payload));
      return Hello{.kernel = std::move(hello.kernel), .agent = std::move(hello.agent)};
    }
    std::array<pollfd, 2> waiting{pollfd{agent_fd, POLLIN, 0}, pollfd{alive_fd, POLLIN, 0}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    const int ready =
        left <= 0 ? 0
                  : ::poll(waiting.data(), waiting.size(), static_cast<int>(std::min<std::int64_t>(left, 3'600'000)));
    if (ready < 0 && errno != EINTR) {
      return base::system_error("poll");
    }
    if (ready == 0) {
      return base::fail(base::ErrorKind::timeout, "the guest's agent: no greeting in time");
    }
    if (waiting[0].revents != 0) {
      TRY_ASSIGN(const auto filled, reader.fill(agent_fd));
      if (filled == FrameReader::Filled::end) {
        return base::fail(base::ErrorKind::timeout, "the guest's agent: gone before its greeting");
      }
    } else if (waiting[1].revents != 0) {
      return base::fail(base::ErrorKind::timeout, "the guest ended before its agent's greeting");
    }
  }
}

base::Result<SessionEnd> run_session(int agent_fd, int fs_fd, int alive_fd, const Request& request) {
  make_non_blocking(agent_fd);
  TRY_ASSIGN(auto loop, base::EventLoop::create());
  TRY_ASSIGN(const auto signals, SignalGuard::create());
  TRY_ASSIGN(const auto order, make_order(request, fs_fd >= 0));
  Session session(loop, agent_fd, request);
  if (fs_fd >= 0) {
    TRY(session.serve_files(fs_fd));
  }
  TRY(session.start(alive_fd, signals.fd(), order));
  TRY(loop.run());
  return session.take_end();
}

void say_goodbye(int agent_fd) {
  const std::array<std::uint32_t, 2> quit{static_cast<std::uint32_t>(FrameType::quit), 0};
  (void)::send(agent_fd, quit.data(), sizeof quit, MSG_NOSIGNAL);  // a guest that is gone needs no goodbye
}

}  // namespace vm
