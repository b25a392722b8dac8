#include "vm/guest_agent.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"

namespace vm {

namespace {

// After the command's end, how long a process that it left behind may keep its output open.
constexpr auto kDrainGrace = std::chrono::seconds(1);

}  // namespace

// Sends the wanted files one after the other, as the port has room. A file that cannot be opened or read on is left out
// from there.
class FileSender {
 public:
  FileSender(FramePort& port, std::vector<std::string> paths) : port_(port), paths_(std::move(paths)) {}

  // True when all is queued.
  bool send() {
    while (next_ < paths_.size() || file_) {
      if (port_.full()) {
        return false;
      }
      if (!file_) {
        open_next();
      } else {
        send_chunk();
      }
    }
    return true;
  }

 private:
  void open_next() {
    index_ = static_cast<std::uint32_t>(next_++);
    file_.reset(::open(paths_[index_].c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    begun_ = false;
  }
  void send_chunk() {
    const ssize_t got = ::read(file_.get(), chunk_.data(), chunk_.size());
    if (got < 0 && errno == EINTR) {
      return;
    }
    if (got > 0 || (got == 0 && !begun_)) {
      port_.put(FrameType::file, encode_number(index_), {chunk_.data(), static_cast<std::size_t>(got)});
      begun_ = true;
    }
    if (got <= 0) {
      file_.reset();
    }
  }

  FramePort& port_;
  std::vector<std::string> paths_;
  std::size_t next_ = 0;
  std::uint32_t index_ = 0;
  base::Fd file_;
  bool begun_ = false;
  std::array<char, kChunkBytes> chunk_{};
};

base::Result<> Agent::greet(int port_fd, const HelloFrame& hello) {
  FrameWriter writer;
  writer.put(FrameType::hello, encode(hello));
  const int flags = ::fcntl(port_fd, F_GETFL);
  (void)::fcntl(port_fd, F_SETFL, flags & ~O_NONBLOCK);  // ports and sockets take both
  TRY(writer.flush(port_fd));
  (void)::fcntl(port_fd, F_SETFL, flags | O_NONBLOCK);
  return {};
}

base::Result<std::unique_ptr<Agent>> Agent::create(int port_fd, std::string self, Prepare prepare) {
  TRY_ASSIGN(auto loop, base::EventLoop::create());
  TRY_ASSIGN(auto child_ended, base::signal_fd({SIGCHLD}));
  if (::signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
    return base::system_error("signal SIGPIPE");
  }
  return std::unique_ptr<Agent>(
      new Agent(std::move(loop), std::move(child_ended), port_fd, std::move(self), std::move(prepare)));
}

Agent::Agent(base::EventLoop loop, base::Fd child_ended, int port_fd, std::string self, Prepare prepare)
    : loop_(std::move(loop)),
      child_ended_(std::move(child_ended)),
      port_(loop_, port_fd),
      self_(std::move(self)),
      prepare_(std::move(prepare)),
      input_(loop_, port_, Stream::input, [this] { command_.input.reset(); }),
      output_(loop_, port_, Stream::output, [this] { report_if_done(); }),
      error_(loop_, port_, Stream::error, [this] { report_if_done(); }) {}

Agent::~Agent() = default;

base::Result<> Agent::run() {
  TRY(loop_.watch(child_ended_.get(), EPOLLIN, [this](std::uint32_t) { reap(); }));
  TRY(port_.start({
      .on_frame = [this](const Frame& frame) { return on_frame(frame); },
      .on_room =
          [this] {
            (void)output_.resume();  // a pipe can always be watched
            (void)error_.resume();
            report_if_done();
          },
      .on_end =
          [this](base::Result<> why) {
            outcome_ = std::move(why);
            loop_.stop();
          },
  }));
  TRY(loop_.run());
  return std::exchange(outcome_, {});
}

base::Result<> Agent::on_frame(const Frame& frame) {
  switch (frame.type) {
    case FrameType::run:
      return on_run(frame.payload);
    case FrameType::data: {
      TRY_ASSIGN(const auto data, decode_data(frame.payload));
      if (data.stream != Stream::input) {
        break;
      }
      return input_.accept(data.bytes);
    }
    case FrameType::credit: {
      TRY_ASSIGN(const auto credit, decode_credit(frame.payload));
      if (credit.stream == Stream::input) {
        break;
      }
      return (credit.stream == Stream::output ? output_ : error_).grant(credit.bytes);
    }
    case FrameType::close: {
      TRY_ASSIGN(const auto stream, decode_close(frame.payload));
      if (stream == Stream::input) {
        return input_.close();
      }
      // The command's next write gets SIGPIPE, as it would from a pipe of the host.
      (stream == Stream::output ? output_ : error_).stop();
      (stream == Stream::output ? command_.output : command_.error).reset();
      report_if_done();
      return {};
    }
    case FrameType::signal: {
      TRY_ASSIGN(const int signal, decode_signal(frame.payload));
      if (command_.pid > 0 && !status_) {
        (void)::kill(-command_.pid, signal);  // ESRCH: it has just ended
      }
      return {};
    }
    case FrameType::quit:
      loop_.stop();
      return {};
    default:
      break;
  }
  return base::fail(base::ErrorKind::parse,
                    fmt::format("agent port: unexpected frame of type {}", static_cast<std::uint32_t>(frame.type)));
}

base::Result<> Agent::on_run(std::string_view payload) {
  if (std::exchange(ordered_, true)) {
    return base::fail(base::ErrorKind::parse, "agent port: a second order");
  }
  TRY_ASSIGN(order_, decode_run(payload));
  auto started = prepare_(order_);
  if (started) {
    started = start();
  }
  if (!started) {
    const auto message = std::string_view(started.error().message).substr(0, kChunkBytes);
    port_.put(FrameType::refusal, message);
  }
  return {};
}

base::Result<> Agent::start() {
  TRY_ASSIGN(command_, start_command(order_, self_));
  input_.start(command_.input.get(), StreamSink::Blocking::no);
  TRY(output_.start(command_.output.get()));
  return error_.start(command_.error.get());
}

void Agent::reap() {
  while (base::read_signal(child_ended_.get())) {
  }
  int status = 0;
  pid_t pid = 0;
  while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) {
    if (pid == command_.pid) {
      on_command_end(status);
    }
  }
}

// What the command left behind in its process group ends with it, as the processes of a container do. What has made
// itself a session of its own may still hold the pipes: it gets kDrainGrace, and no byte that was written by then is
// lost.
void Agent::on_command_end(int wait_status) {
  status_ = base::ExitStatus::from_wait(wait_status);
  (void)::kill(-command_.pid, SIGKILL);  // ESRCH: nothing left
  loop_.at(base::EventLoop::Clock::now() + kDrainGrace, [this] {
    (void)output_.finish();  // cannot fail: watches nothing new
    (void)error_.finish();
    report_if_done();
  });
  report_if_done();
}

void Agent::report_if_done() {
  if (!status_ || output_.is_open() || error_.is_open() || reported_) {
    return;
  }
  if (!files_) {
    files_ = std::make_unique<FileSender>(port_, order_.fetch);
  }
  if (files_->send()) {
    reported_ = true;
    port_.put(FrameType::exit, encode(*status_));
  }
}

}  // namespace vm
