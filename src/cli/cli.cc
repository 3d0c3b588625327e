#include "cli/cli.h"

#include <unistd.h>

#include <cstdio>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::cli {

int ExitCode(const Status& status) {
  switch (status.code()) {
    case StatusCode::kOk:
      return 0;
    case StatusCode::kInvalid:
      return 1;
    case StatusCode::kUsage:
      return 2;
    case StatusCode::kUnsupported:
      return 3;
    case StatusCode::kCorrupt:
      return 4;
    case StatusCode::kResource:
    case StatusCode::kCancelled:
    case StatusCode::kDeadline:
      return 5;
    case StatusCode::kInternal:
      return 70;  // EX_SOFTWARE: a defect of the program
  }
  return 70;
}

Output::Output(const CommonFlags& flags) : flags_(flags) {
  color_ = flags.color == "always" || (flags.color == "auto" && isatty(1) && !std::getenv("NO_COLOR"));
  progress_ = isatty(2) && !flags.quiet;
}

void Output::Line(const std::string& text) const {
  if (human()) std::printf("%s\n", text.c_str());
}

void Output::Document(const Json& document) const {
  // Invalid UTF-8 in names must not abort the report.
  std::printf("%s\n", document.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

std::string Output::Paint(std::string_view text, const char* code) const {
  return color_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

void Output::Progress(size_t done, size_t total, std::string_view what) const {
  if (progress_)
    std::fprintf(stderr, "\r\x1b[K%zu/%zu %.*s", done, total, static_cast<int>(std::min<size_t>(what.size(), 60)), what.data());
}

void Output::ClearProgress() const {
  if (progress_) std::fprintf(stderr, "\r\x1b[K");
}

void AddCacheFlag(CLI::App* app, std::string* folder) {
  app->add_option("--cache", *folder, "Folder to keep prepared programs in, for a faster second start");
}

void NoteCache(const Session& session, const Output& out) {
  const std::string& note = session.cache_note();
  const bool bad = note.find("not used") != std::string::npos;
  if (bad && out.human()) std::fprintf(stderr, "note: the cache: %s\n", note.c_str());
  if (!bad && !note.empty() && out.verbose()) out.Line(out.Dim("cache " + note));
}

std::string HumanBytes(uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(kUnits); ++unit) value /= 1000;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

Program::Program() : app_("Sardonyx: one native toolchain for ONNX", "sardonyx") {
  app_.require_subcommand(1);
  app_.set_version_flag("--version", SARDONYX_VERSION);
  app_.footer(
      "sardonyx COMMAND --help shows a command's flags and examples.\n"
      "Exit codes: 0 good, 1 the answer is no, 2 wrong usage, 3 unsupported, 4 unreadable, 5 resource.");
}

Command& Program::Add(const std::string& name, const std::string& summary, const std::vector<std::string>& examples) {
  commands_.push_back(std::make_unique<Command>());
  Command& command = *commands_.back();
  command.app = app_.add_subcommand(name, summary);
  command.app->add_flag("--json", flags_.json, "Print one JSON document on standard output");
  command.app->add_flag("-q,--quiet", flags_.quiet, "Print errors only");
  command.app->add_flag("-v,--verbose", flags_.verbose, "Print more");
  command.app->add_option("--threads", flags_.threads, "Threads to use (default: the container's CPU quota)")->check(CLI::Range(0, 1024));
  command.app->add_option("--color", flags_.color, "Colour human output")->check(CLI::IsMember({"auto", "always", "never"}));
  command.app->add_option("--custom-ops", flags_.custom_ops, "Library of custom operators to load (docs/custom_ops.md); may be repeated");
  std::string footer = "Examples:";
  for (const std::string& example : examples) footer += "\n  " + example;
  command.app->footer(footer);
  return command;
}

// CLI11 only says that a command is missing: say which word is none, and what there is.
bool Program::KnowsCommand(const char* word) const {
  if (word[0] == '-') return true;
  std::string names;
  for (const auto& command : commands_) {
    if (command->app->get_name() == word) return true;
    if (!command->app->get_group().empty()) names += (names.empty() ? "" : ", ") + command->app->get_name();
  }
  std::fprintf(stderr, "sardonyx: there is no command '%s'; the commands are %s\n", word, names.c_str());
  return false;
}

StatusOr<int> Program::LoadAndRun(const Command& command, const Output& output) const {
  for (const std::string& library : flags_.custom_ops) RETURN_IF_ERROR(LoadCustomOps(library).WithContext("--custom-ops"));
  return command.run(output);
}

int Program::Main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs(app_.help().c_str(), stderr);
    return 2;
  }
  if (!KnowsCommand(argv[1])) return 2;
  try {
    app_.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app_.exit(error);
    return code == 0 ? 0 : 2;
  }
  const Output output(flags_);
  for (const auto& command : commands_) {
    if (!command->app->parsed()) continue;
    const StatusOr<int> result = LoadAndRun(*command, output);
    output.ClearProgress();
    if (result.ok()) return *result;
    if (flags_.json)
      output.Document(
          Json{{"ok", false}, {"error", {{"code", StatusCodeName(result.status().code())}, {"message", result.status().message()}}}});
    std::fprintf(stderr, "sardonyx %s: %s\n", command->app->get_name().c_str(), result.status().ToString().c_str());
    return ExitCode(result.status());
  }
  return 2;
}

}  // namespace sardonyx::cli
