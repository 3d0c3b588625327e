// What all sub-commands share: flags, exit codes, output. Each command is one file that defines an Add function below.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "sardonyx/session.h"
#include "sardonyx/status.h"

namespace sardonyx::cli {

using Json = nlohmann::ordered_json;

// docs/cli.md: 0 good, 1 the answer is no, 2 wrong usage, 3 unsupported, 4 unreadable, 5 resource.
int ExitCode(const Status& status);

struct CommonFlags {
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  int threads = 0;
  std::string color = "auto";
  std::vector<std::string> custom_ops;
};

// What a command prints through. Human output is dropped under --quiet and --json.
class Output {
 public:
  explicit Output(const CommonFlags& flags);
  bool json() const { return flags_.json; }
  bool human() const { return !flags_.json && !flags_.quiet; }
  bool verbose() const { return flags_.verbose; }
  // A line for people on standard output.
  void Line(const std::string& text) const;
  // The one JSON document of --json.
  void Document(const Json& document) const;
  // Words in colour on a terminal.
  std::string Good(std::string_view text) const { return Paint(text, "32"); }
  std::string Bad(std::string_view text) const { return Paint(text, "31"); }
  std::string Dim(std::string_view text) const { return Paint(text, "2"); }
  std::string Bold(std::string_view text) const { return Paint(text, "1"); }
  // "N/TOTAL what" on standard error, in place, only on a terminal. Clear ends it.
  void Progress(size_t done, size_t total, std::string_view what) const;
  void ClearProgress() const;

 private:
  std::string Paint(std::string_view text, const char* code) const;
  CommonFlags flags_;
  bool color_ = false;
  bool progress_ = false;
};

// A sub-command under construction: `run` is called after parsing and gives the exit code. A failed Status is printed.
struct Command {
  CLI::App* app = nullptr;
  std::function<StatusOr<int>(const Output&)> run;
};

class Program {
 public:
  Program();
  // Adds a command with its common flags. `examples` are shown below --help, one line each.
  Command& Add(const std::string& name, const std::string& summary, const std::vector<std::string>& examples);
  const CommonFlags& flags() const { return flags_; }
  int Main(int argc, char** argv);

 private:
  bool KnowsCommand(const char* word) const;
  StatusOr<int> LoadAndRun(const Command& command, const Output& output) const;

  CLI::App app_;
  CommonFlags flags_;
  std::vector<std::unique_ptr<Command>> commands_;
};

void AddEnv(Program& program);
void AddInspect(Program& program);
void AddCheck(Program& program);
void AddRun(Program& program);
void AddValidate(Program& program);
void AddConformance(Program& program);
void AddBench(Program& program);
void AddConvert(Program& program);
void AddProfile(Program& program);

// --cache DIR, and what became of it: a file that could not be used is said to people, the rest under --verbose.
void AddCacheFlag(CLI::App* app, std::string* folder);
void NoteCache(const Session& session, const Output& out);

// "1.2 MB"
std::string HumanBytes(uint64_t bytes);

}  // namespace sardonyx::cli
