#include "runtime/profiler.h"

#include <chrono>
#include <functional>
#include <thread>

#include <fmt/format.h>

#include "runtime/program.h"

namespace sardonyx::runtime {
namespace {

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += '\\', out += c;
    else if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out + "\"";
}

}  // namespace

Profiler::Profiler() : epoch_ns_(NowNs()) {}

int64_t Profiler::Now() const { return NowNs() - epoch_ns_; }

void Profiler::Record(const Step& step, std::string shapes, int64_t start_ns, int64_t end_ns) {
  const uint64_t thread = std::hash<std::thread::id>()(std::this_thread::get_id()) % 100000;
  std::lock_guard lock(mutex_);
  events_.push_back({&step, std::move(shapes), start_ns, end_ns, thread});
}

std::vector<Profiler::Event> Profiler::events() const {
  std::lock_guard lock(mutex_);
  return events_;
}

std::string Profiler::ChromeTrace() const {
  std::string json = "{\"traceEvents\":[";
  bool first = true;
  for (const Event& event : events()) {
    json += fmt::format(
        "{}\n{{\"name\":{},\"cat\":\"node\",\"ph\":\"X\",\"pid\":1,\"tid\":{},\"ts\":{:.3f},\"dur\":{:.3f},\"args\":{{\"op\":{},\"kernel\":"
        "{},\"provider\":{},\"inputs\":{}}}}}",
        first ? "" : ",", JsonString(event.step->label), event.thread, static_cast<double>(event.start_ns) / 1e3,
        static_cast<double>(event.end_ns - event.start_ns) / 1e3, JsonString(event.step->op_type), JsonString(event.step->choice.name),
        JsonString(event.step->provider), JsonString(event.shapes));
    first = false;
  }
  return json + "\n]}\n";
}

}  // namespace sardonyx::runtime
