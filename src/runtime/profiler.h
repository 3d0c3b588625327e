// Profiler: the executor tells it of every step; it writes a Chrome trace and sums up by operator.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace sardonyx::runtime {

struct Step;

class Profiler {
 public:
  struct Event {
    const Step* step;
    std::string shapes;  // "float[1,3,224,224], float[64,3,7,7]"
    int64_t start_ns;    // since the profiler was made
    int64_t end_ns;
    uint64_t thread;
  };

  Profiler();
  int64_t Now() const;
  void Record(const Step& step, std::string shapes, int64_t start_ns, int64_t end_ns);
  std::vector<Event> events() const;
  // The trace event format that chrome://tracing and Perfetto read.
  std::string ChromeTrace() const;

 private:
  int64_t epoch_ns_;
  mutable std::mutex mutex_;
  std::vector<Event> events_;
};

}  // namespace sardonyx::runtime
