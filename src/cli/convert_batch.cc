#include "cli/convert_batch.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/file.h"
#include "base/status_macros.h"
#include "formats/json.h"
#include "formats/markup.h"
#include "import/pytorch/checkpoint.h"
#include "import/pytorch/import_pytorch.h"
#include "validate/html.h"

extern char** environ;

namespace sardonyx::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRecord = "conversion.json";
// Files of these names are models, or broken ones; others are looked into.
constexpr std::string_view kOtherSuffixes[] = {".pt2", ".pt", ".pth", ".ptl", ".safetensors", ".safetensors.index.json"};
constexpr std::string_view kOnnxSuffixes[] = {".onnx", ".onnx.gz", ".onnx.tar", ".onnx.tar.gz", ".onnxtxt"};

struct Entry {
  fs::path source, target;
  std::string status;  // "converted", "up to date", "differs", "failed"
  int code = 0;
  std::string reason;
  double seconds = 0;
};

bool IsModel(const fs::path& path) {
  const std::string name = path.filename().string();
  const auto ends_so = [&](std::string_view suffix) { return name.ends_with(suffix); };
  if (std::any_of(std::begin(kOnnxSuffixes), std::end(kOnnxSuffixes), ends_so)) return true;
  if (std::any_of(std::begin(kOtherSuffixes), std::end(kOtherSuffixes), ends_so)) return true;
  const StatusOr<Bytes> bytes = MapFile(path);
  return bytes.ok() && (pytorch::IsPyTorch(*bytes) || pytorch::IsSafeTensorsCheckpoint(path, *bytes));
}

// "a/model.pt2" becomes "a/model.onnx"; where two sources would become the same, both keep their whole names: "model.pt2.onnx".
std::vector<Entry> Plan(const fs::path& source, const fs::path& target, const std::vector<fs::path>& files) {
  std::map<fs::path, int> uses;
  const auto short_name = [&](const fs::path& file) {
    fs::path relative = fs::relative(file, source);
    std::string name = relative.filename().string();
    for (const std::string_view suffix : kOnnxSuffixes)
      if (name.ends_with(suffix)) return relative.replace_filename(name.substr(0, name.size() - suffix.size()) + ".onnx");
    return relative.replace_extension(".onnx");
  };
  for (const fs::path& file : files) ++uses[short_name(file)];
  std::vector<Entry> entries;
  for (const fs::path& file : files) {
    const fs::path name = short_name(file);
    Entry entry;
    entry.source = file;
    entry.target = target / (uses[name] == 1 ? name : fs::path(fs::relative(file, source).string() + ".onnx"));
    entries.push_back(std::move(entry));
  }
  return entries;
}

StatusOr<std::vector<fs::path>> FindModels(const fs::path& source, const fs::path& target) {
  std::vector<fs::path> files;
  std::error_code error;
  const fs::path inside = fs::weakly_canonical(target, error);
  for (auto at = fs::recursive_directory_iterator(source, fs::directory_options::skip_permission_denied, error); !error && at != fs::end(at);
       at.increment(error)) {
    // Results of an earlier run that lie below the source are none.
    if (at->is_directory(error) && fs::weakly_canonical(at->path(), error) == inside) at.disable_recursion_pending();
    if (at->is_regular_file(error) && IsModel(at->path())) files.push_back(at->path());
  }
  if (error) return Corrupt(fmt::format("{}: {}", source.string(), error.message()));
  std::sort(files.begin(), files.end());
  return files;
}

// The program on one file: its exit code and what it said on standard error.
std::pair<int, std::string> RunSelf(const std::vector<std::string>& arguments, const fs::path& log) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  std::vector<std::string> words = {"sardonyx"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  const int failed = posix_spawn(&child, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return {5, "cannot start a process for it"};
  int state = 0;
  while (waitpid(child, &state, 0) < 0 && errno == EINTR) {
  }
  std::ifstream file(log);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::error_code ignored;
  fs::remove(log, ignored);
  if (WIFSIGNALED(state)) return {70, fmt::format("ended by signal {}: {}", WTERMSIG(state), text)};
  return {WEXITSTATUS(state), text};
}

std::vector<std::string> Arguments(const Entry& entry, const BatchOptions& options) {
  std::vector<std::string> words = {"convert", entry.source.string(), "-o", entry.target.string(), "--quiet"};
  words.insert(words.end(), options.flags.begin(), options.flags.end());
  const auto add = [&](const char* flag, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      words.emplace_back(flag);
      words.push_back((entry.source.parent_path() / name).string());
    }
  };
  const auto exists = [&](const std::string& name) { return fs::exists(entry.source.parent_path() / name); };
  if (!options.inputs.empty() && std::all_of(options.inputs.begin(), options.inputs.end(), exists) &&
      std::all_of(options.expected.begin(), options.expected.end(), exists)) {
    add("--validate", options.inputs);
    add("--expect", options.expected);
  }
  return words;
}

void ConvertOne(const BatchOptions& options, Entry* entry) {
  std::error_code error;
  fs::create_directories(entry->target.parent_path(), error);
  if (error) {
    entry->status = "failed";
    entry->code = 5;
    entry->reason = fmt::format("{}: {}", entry->target.parent_path().string(), error.message());
    return;
  }
  const auto start = std::chrono::steady_clock::now();
  std::tie(entry->code, entry->reason) = RunSelf(Arguments(*entry, options), entry->target.string() + ".log");
  entry->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  entry->status = entry->code == 0 ? "converted" : entry->code == 1 && fs::exists(entry->target) ? "differs" : "failed";
  if (entry->status == "differs" && entry->reason.empty()) entry->reason = "the outputs are not those that are expected";
}

// What an earlier run recorded: the sources that it converted with these very flags.
std::set<std::string> Recorded(const fs::path& record, const std::string& flags) {
  std::set<std::string> done;
  std::error_code error;
  if (!fs::exists(record, error)) return done;
  const StatusOr<Bytes> bytes = MapFile(record);
  if (!bytes.ok()) return done;
  const StatusOr<formats::Json> json = formats::ParseJson(bytes->view());
  if (!json.ok() || !json->is_object() || json->value("flags", "") != flags) return done;
  const auto list = json->find("models");
  if (list == json->end() || !list->is_array()) return done;
  for (const formats::Json& one : *list) {
    if (!one.is_object() || !one.contains("status") || !one.contains("source") || !one["source"].is_string()) continue;
    if (one["status"] == "converted" || one["status"] == "up to date") done.insert(one["source"].get<std::string>());
  }
  return done;
}

bool UpToDate(const Entry& entry) {
  std::error_code error;
  const auto source = fs::last_write_time(entry.source, error);
  if (error) return false;
  const auto target = fs::last_write_time(entry.target, error);
  return !error && target >= source;
}

struct Counts {
  size_t converted = 0, up_to_date = 0, failed = 0;
};

Counts Count(const std::vector<Entry>& entries) {
  Counts counts;
  for (const Entry& entry : entries) {
    counts.converted += entry.status == "converted";
    counts.up_to_date += entry.status == "up to date";
    counts.failed += entry.status == "failed" || entry.status == "differs";
  }
  return counts;
}

Json ToJson(const std::vector<Entry>& entries, const std::string& flags) {
  const Counts counts = Count(entries);
  Json list = Json::array();
  for (const Entry& entry : entries) {
    Json json = {{"source", entry.source.string()}, {"target", entry.target.string()}, {"status", entry.status}, {"seconds", entry.seconds}};
    if (entry.code != 0) json["exit"] = entry.code;
    if (!entry.reason.empty()) json["reason"] = entry.reason;
    list.push_back(std::move(json));
  }
  return {{"ok", counts.failed == 0},     {"flags", flags},         {"converted", counts.converted}, {"up_to_date", counts.up_to_date},
          {"failed", counts.failed}, {"models", std::move(list)}};
}

std::string Html(const std::vector<Entry>& entries, const BatchOptions& options) {
  const Counts counts = Count(entries);
  validate::HtmlPage page(options.target, "Converted from " + options.source);
  page.Verdict(counts.failed == 0, counts.failed == 0 ? "All models are converted" : fmt::format("{} of {} models failed", counts.failed, entries.size()));
  page.Figures({{"models", std::to_string(entries.size())},
                {"converted", std::to_string(counts.converted)},
                {"up to date", std::to_string(counts.up_to_date)},
                {"failed", std::to_string(counts.failed)}});
  std::vector<std::vector<std::string>> rows;
  for (const Entry& entry : entries)
    rows.push_back({"<code>" + formats::Escaped(fs::relative(entry.source, options.source).string()) + "</code>",
                    validate::Badge(entry.status != "failed" && entry.status != "differs", entry.status), fmt::format("{:.2f}", entry.seconds),
                    formats::Escaped(entry.reason)});
  page.Heading("Models");
  page.Table({"source", "", "seconds", "remark"}, rows);
  return page.Finish();
}

}  // namespace

StatusOr<int> ConvertBatch(const BatchOptions& options, const Output& out) {
  ASSIGN_OR_RETURN(const std::vector<fs::path> files, FindModels(options.source, options.target));
  if (files.empty()) return Usage(fmt::format("{}: there is no model that can be read in this folder", options.source));
  std::error_code error;
  fs::create_directories(options.target, error);
  if (error) return Resource(fmt::format("{}: {}", options.target, error.message()));
  std::vector<Entry> entries = Plan(options.source, options.target, files);
  const std::string flags = fmt::format("{}", fmt::join(options.flags, " "));
  const fs::path record = fs::path(options.target) / kRecord;
  const std::set<std::string> done = options.again ? std::set<std::string>() : Recorded(record, flags);
  const auto write = [&](const fs::path& path) {
    return WriteFileAtomically(path, ToJson(entries, flags).dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
  };
  for (size_t i = 0; i < entries.size(); ++i) {
    Entry& entry = entries[i];
    if (done.contains(entry.source.string()) && UpToDate(entry)) {
      entry.status = "up to date";
      continue;
    }
    out.Progress(i, entries.size(), entry.source.string());
    ConvertOne(options, &entry);
    out.ClearProgress();
    const bool good = entry.status == "converted";
    out.Line(fmt::format("{} {:6.2f} s  {}{}", good ? out.Good("ok  ") : out.Bad(entry.status == "differs" ? "DIFF" : "FAIL"), entry.seconds,
                         entry.source.string(), good ? "" : ": " + entry.reason.substr(0, entry.reason.find('\n'))));
    // Now, so that an interrupted run goes on from here.
    RETURN_IF_ERROR(write(record));
  }
  RETURN_IF_ERROR(write(record));
  if (options.report.ends_with(".html")) RETURN_IF_ERROR(WriteFileAtomically(options.report, Html(entries, options)));
  if (options.report.ends_with(".json")) RETURN_IF_ERROR(write(options.report));
  const Counts counts = Count(entries);
  out.Line(fmt::format("{} converted, {} up to date, {} failed; {} says which", counts.converted, counts.up_to_date, counts.failed, record.string()));
  if (out.json()) out.Document(ToJson(entries, flags));
  return counts.failed == 0 ? 0 : 1;
}

}  // namespace sardonyx::cli
