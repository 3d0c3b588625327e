#include "bench/worker.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <thread>

#include <fmt/format.h>

#include "base/file.h"
#include "base/machine.h"
#include "base/status_macros.h"
#include "formats/json.h"
#include "formats/npz.h"

extern char** environ;

namespace sardonyx::bench {
namespace {

using formats::Json;
using Clock = std::chrono::steady_clock;

double Milliseconds(Clock::time_point since) { return std::chrono::duration<double, std::milli>(Clock::now() - since).count(); }

// One line of any length; false at the end of the stream.
bool ReadLine(FILE* from, std::string* line) {
  char* text = nullptr;
  size_t capacity = 0;
  const ssize_t size = getline(&text, &capacity, from);
  if (size > 0) line->assign(text, static_cast<size_t>(text[size - 1] == '\n' ? size - 1 : size));
  std::free(text);
  return size > 0;
}

// The requests, in the process.
class Server {
 public:
  StatusOr<Json> Answer(const Json& request) {
    const std::string what = request.value("do", "");
    if (what == "load") return Load(request);
    if (what == "round") return Round(request);
    if (what == "save") return Save(request);
    if (what == "memory") return Json{{"peak_bytes", PeakResidentBytes()}};
    return Internal("a request that no worker knows");
  }

 private:
  StatusOr<Json> Load(const Json& request) {
    // The inputs first: reading them is no part of loading the model.
    ASSIGN_OR_RETURN(const Bytes bytes, MapFile(request.at("inputs").get<std::string>()));
    ASSIGN_OR_RETURN(formats::NamedTensors arrays, formats::ReadNpz(bytes));
    NamedValues inputs;
    for (auto& [name, tensor] : arrays) inputs.emplace_back(name, std::move(tensor));
    const EngineLoad how{request.at("threads"), request.at("lanes")};
    lanes_ = static_cast<size_t>(how.lanes);
    ASSIGN_OR_RETURN(engine_, MakeEngine({request.at("engine"), request.at("library"), request.at("providers"), request.at("cache")}));
    const auto start = Clock::now();
    RETURN_IF_ERROR(engine_->Load(request.at("model").get<std::string>(), how));
    const double load = Milliseconds(start);
    RETURN_IF_ERROR(engine_->Bind(inputs));
    const auto first = Clock::now();
    RETURN_IF_ERROR(engine_->Run(0));
    return Json{{"version", engine_->version()}, {"load_ms", load}, {"first_run_ms", Milliseconds(first)}};
  }

  StatusOr<Json> Round(const Json& request) {
    const double limit = request.at("seconds").get<double>() * 1e3;
    const auto max_runs = request.at("max_runs").get<size_t>();
    struct Lane {
      std::vector<double> times;
      Status status;
    };
    std::vector<Lane> lanes(lanes_);
    const auto run = [&](size_t i) {
      Lane& lane = lanes[i];
      for (double spent = 0; lane.times.empty() || (spent < limit && lane.times.size() < max_runs); spent += lane.times.back()) {
        const auto start = Clock::now();
        lane.status = engine_->Run(i);
        if (!lane.status.ok()) return;
        lane.times.push_back(Milliseconds(start));
      }
    };
    const auto start = Clock::now();
    {
      std::vector<std::jthread> others;
      for (size_t i = 1; i < lanes_; ++i) others.emplace_back(run, i);
      run(0);
    }
    const double elapsed = Milliseconds(start) / 1e3;
    std::vector<double> times;
    for (const Lane& lane : lanes) {
      RETURN_IF_ERROR(lane.status);
      times.insert(times.end(), lane.times.begin(), lane.times.end());
    }
    return Json{{"times", times}, {"seconds", elapsed}};
  }

  StatusOr<Json> Save(const Json& request) {
    ASSIGN_OR_RETURN(const std::vector<Value> outputs, engine_->Outputs());
    formats::NamedTensors tensors;
    for (size_t i = 0; i < outputs.size(); ++i)
      if (outputs[i].is_tensor()) tensors.emplace_back(std::to_string(i), outputs[i].tensor());
    RETURN_IF_ERROR(
        WriteFileAtomically(request.at("path").get<std::string>(), [&](const ByteSink& sink) { return formats::WriteNpz(tensors, sink); }));
    return Json::object();
  }

  std::unique_ptr<Engine> engine_;
  size_t lanes_ = 1;
};

}  // namespace

int ServeWorker() {
  // Answers go where standard output was; what an engine prints goes to standard error.
  FILE* answers = fdopen(dup(STDOUT_FILENO), "w");
  dup2(STDERR_FILENO, STDOUT_FILENO);
  if (!answers) return 5;
  Server server;
  std::string line;
  while (ReadLine(stdin, &line)) {
    StatusOr<Json> answer = Internal("a request that is no JSON");
    if (const StatusOr<Json> request = formats::ParseJson(line); request.ok()) answer = server.Answer(*request);
    const Json document =
        answer.ok() ? *answer
                    : Json{{"error", {{"code", static_cast<int>(answer.status().code())}, {"message", answer.status().message()}}}};
    std::fprintf(answers, "%s\n", formats::DumpJson(document).c_str());
    std::fflush(answers);
  }
  // Peers' threads and static objects do not always survive an orderly end.
  std::_Exit(0);
}

StatusOr<std::unique_ptr<Worker>> Worker::Start(const EngineSpec& spec) {
  std::signal(SIGPIPE, SIG_IGN);  // a worker that died is an error of Ask
  int requests[2], answers[2];
  if (pipe2(requests, O_CLOEXEC) != 0) return Resource("no pipe for a worker");
  if (pipe2(answers, O_CLOEXEC) != 0) {
    close(requests[0]), close(requests[1]);
    return Resource("no pipe for a worker");
  }
  std::unique_ptr<Worker> worker(new Worker(spec));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, requests[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, answers[1], STDOUT_FILENO);
  std::string program = "sardonyx", command = "bench-worker";
  char* arguments[] = {program.data(), command.data(), nullptr};
  const int error = posix_spawn(&worker->process_, "/proc/self/exe", &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(requests[0]);
  close(answers[1]);
  worker->to_ = fdopen(requests[1], "w");
  worker->from_ = fdopen(answers[0], "r");
  if (error != 0) {
    worker->process_ = -1;
    return Resource(fmt::format("no process for a worker: {}", std::strerror(error)));
  }
  return worker;
}

Worker::~Worker() {
  if (to_) std::fclose(to_);  // the worker ends with its input
  if (from_) std::fclose(from_);
  if (process_ > 0) waitpid(process_, nullptr, 0);
}

void Worker::AwaitRest() const {
  using std::chrono::nanoseconds, std::chrono::milliseconds;
  constexpr nanoseconds kLook = milliseconds(5), kBusy = milliseconds(1);
  clockid_t clock;
  if (process_ <= 0 || clock_getcpuclockid(process_, &clock) != 0) return;
  const auto used = [&] {
    timespec time{};
    clock_gettime(clock, &time);
    return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
  };
  nanoseconds before = used();
  for (nanoseconds waited{0}; waited < milliseconds(1000); waited += kLook) {
    std::this_thread::sleep_for(kLook);
    const nanoseconds now = used();
    if (now - before < kBusy) return;
    before = now;
  }
}

Status Worker::HowItEnded() {
  int how = 0;
  if (process_ <= 0 || waitpid(process_, &how, 0) != process_) return Internal(fmt::format("{} does not answer", spec_.name));
  process_ = -1;
  if (WIFSIGNALED(how)) {
    const int signal = WTERMSIG(how);
    if (signal == SIGKILL) return Resource(fmt::format("{} was killed, perhaps for lack of memory", spec_.name));
    return Internal(fmt::format("{} ended by signal {} ({})", spec_.name, signal, strsignal(signal)));
  }
  return Internal(fmt::format("{} ended with code {}", spec_.name, WEXITSTATUS(how)));
}

StatusOr<std::string> Worker::Ask(const std::string& request) {
  std::string answer;
  if (std::fprintf(to_, "%s\n", request.c_str()) < 0 || std::fflush(to_) != 0 || !ReadLine(from_, &answer)) return HowItEnded();
  return answer;
}

namespace {

StatusOr<Json> ParseAnswer(const StatusOr<std::string>& text) {
  if (!text.ok()) return text.status();
  ASSIGN_OR_RETURN(const Json answer, formats::ParseJson(*text));
  if (const auto error = answer.find("error"); error != answer.end())
    return Status(static_cast<StatusCode>(error->at("code").get<int>()), error->at("message").get<std::string>());
  return answer;
}

}  // namespace

StatusOr<LoadFigures> Worker::Load(const std::filesystem::path& model, const EngineLoad& load, const std::filesystem::path& inputs) {
  const Json request = {{"do", "load"},
                        {"engine", spec_.name},
                        {"library", spec_.library},
                        {"providers", spec_.providers},
                        {"cache", spec_.cache},
                        {"model", model.string()},
                        {"threads", load.threads},
                        {"lanes", load.lanes},
                        {"inputs", inputs.string()}};
  ASSIGN_OR_RETURN(const Json answer, ParseAnswer(Ask(formats::DumpJson(request))));
  return LoadFigures{answer.at("version"), answer.at("load_ms"), answer.at("first_run_ms")};
}

StatusOr<RoundFigures> Worker::Round(double seconds, int64_t max_runs) {
  const Json request = {{"do", "round"}, {"seconds", seconds}, {"max_runs", max_runs}};
  ASSIGN_OR_RETURN(const Json answer, ParseAnswer(Ask(formats::DumpJson(request))));
  return RoundFigures{answer.at("times").get<std::vector<double>>(), answer.at("seconds")};
}

Status Worker::SaveOutputs(const std::filesystem::path& path) {
  return ParseAnswer(Ask(formats::DumpJson(Json{{"do", "save"}, {"path", path.string()}}))).status();
}

StatusOr<int64_t> Worker::PeakBytes() {
  ASSIGN_OR_RETURN(const Json answer, ParseAnswer(Ask(formats::DumpJson(Json{{"do", "memory"}}))));
  return answer.at("peak_bytes").get<int64_t>();
}

}  // namespace sardonyx::bench
