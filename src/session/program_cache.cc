#include "session/program_cache.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <set>

#include <fmt/format.h>

#include "base/file.h"
#include "base/machine.h"
#include "base/memory.h"
#include "base/status_macros.h"
#include "ir/load.h"
#include "ir/save.h"
#include "providers/cpu/cpu_provider.h"

namespace sardonyx {
namespace fs = std::filesystem;
namespace {

constexpr char kMagic[8] = {'S', 'D', 'N', 'X', 'P', 'R', 'G', '\n'};
constexpr uint64_t kVersion = 1;
constexpr uint64_t kAlignment = 64;        // of every part
constexpr uint64_t kLargeTensor = 256;     // bytes; smaller ones stay in the graph
constexpr const char* kOpsetKey = "sardonyx.opset";  // of nodes whose opset is not the model's

// The file: Header, graph, table of Entry, then the parts that the table names.
struct Header {
  char magic[8];
  uint64_t version, graph_bytes, entries, file_bytes;
  Digest digest;  // of graph and table
};
struct Entry {
  enum Kind : uint64_t { kConstant, kUnread, kPrepared };  // kUnread: no data is there
  uint64_t kind, offset, bytes;
  Digest digest;
};

uint64_t RoundUp(uint64_t n) { return (n + kAlignment - 1) / kAlignment * kAlignment; }

uint64_t Fold(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// Calls f with every constant that is not kept within the graph, in an order that depends on the graph alone.
template <class F>
void ForEachLargeConstant(const ir::Graph& graph, const F& f) {
  for (ir::Value* value : std::vector<ir::Value*>(graph.initializers()))
    if (value->initializer() && value->initializer()->dtype != DataType::kString && value->initializer()->byte_size() >= kLargeTensor) f(value);
  for (const auto& node : graph.nodes())
    for (const auto& [name, sub] : ir::Subgraphs(*node)) ForEachLargeConstant(*sub, f);
}

template <class F>
void ForEachGraph(ir::Graph& graph, const F& f) {
  f(graph);
  for (const auto& node : graph.nodes())
    for (const auto& [name, sub] : ir::Subgraphs(*node)) ForEachGraph(*sub, f);
}

void SetData(ir::Value* value, decltype(ir::StoredTensor::storage) storage) {
  ir::StoredTensor tensor;
  tensor.name = value->name();
  tensor.dtype = value->initializer()->dtype;
  tensor.dims = value->initializer()->dims;
  tensor.storage = std::move(storage);
  value->graph()->SetInitializer(value, std::move(tensor));
}

// What the file format of models has no place for: types of inner values and opsets of single nodes.
std::string Serialize(const ir::Model& model) {
  const std::unique_ptr<ir::Model> copy = ir::CloneModel(model);
  ForEachLargeConstant(*copy->graph, [](ir::Value* value) { SetData(value, ir::StoredTensor::None{}); });
  ForEachGraph(*copy->graph, [](ir::Graph& graph) {
    graph.value_info.clear();
    for (const auto& node : graph.nodes()) {
      if (node->opset_version) node->metadata.emplace_back(kOpsetKey, std::to_string(node->opset_version));
      for (ir::Value* output : node->outputs()) {
        if (!output || !output->type.known()) continue;
        ir::ValueInfo info;
        info.value = output;
        info.type = output->type;
        if (!output->is_graph_output()) graph.value_info.push_back(std::move(info));
      }
    }
  });
  return ir::SerializeModel(*copy);
}

void RestoreOpsets(ir::Model& model) {
  ForEachGraph(*model.graph, [&](ir::Graph& graph) {
    for (const auto& node : graph.nodes())
      std::erase_if(node->metadata, [&](const auto& entry) {
        if (entry.first != kOpsetKey) return false;
        node->opset_version = std::atoll(entry.second.c_str());
        return true;
      });
  });
}

// Memory of zeros that takes no place until it is read.
Bytes NoData(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return {};
  return Bytes(memory, bytes, std::shared_ptr<const void>(memory, [bytes](const void* p) { munmap(const_cast<void*>(p), bytes); }));
}

void Add(std::string& text, const Digest& digest) { text += fmt::format("{:016x}{:016x};", digest[0], digest[1]); }

// The files that a model's external data lies in.
Status AddExternalFiles(const ir::Graph& graph, std::set<fs::path>& files) {
  for (const ir::Value* value : graph.initializers()) {
    const auto* external = value->initializer() ? std::get_if<ir::StoredTensor::External>(&value->initializer()->storage) : nullptr;
    if (!external || external->files) continue;
    for (const auto& [key, location] : external->entries)
      if (key == "location") {
        ASSIGN_OR_RETURN(fs::path file, ResolveInside(external->folder, location));
        files.insert(std::move(file));
      }
  }
  for (const auto& node : graph.nodes())
    for (const auto& [name, sub] : ir::Subgraphs(*node)) RETURN_IF_ERROR(AddExternalFiles(*sub, files));
  return {};
}

// The library that this code is in: another build may pack otherwise under the same version.
std::string ThisBuild() {
  Dl_info info;
  struct stat file {};
  if (dladdr(reinterpret_cast<const void*>(&CachedProgramPath), &info) == 0 || info.dli_fname == nullptr) return "";
  if (stat(info.dli_fname, &file) != 0 && stat("/proc/self/exe", &file) != 0) return "";
  return fmt::format("{} {}.{}", file.st_size, file.st_mtim.tv_sec, file.st_mtim.tv_nsec);
}

}  // namespace

Digest DigestOf(std::span<const uint8_t> bytes, uint64_t seed) {
  constexpr uint64_t kMix[4] = {0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f, 0x165667b19e3779f9, 0xd6e8feb86659fd93};
  uint64_t lanes[4];
  for (int i = 0; i < 4; ++i) lanes[i] = seed ^ kMix[i];
  const auto absorb = [&](const uint8_t* block) {
    for (int i = 0; i < 4; ++i) {
      uint64_t words[2];
      std::memcpy(words, block + 16 * i, 16);
      lanes[i] = Fold(words[0] ^ kMix[i], words[1] ^ lanes[i]) + words[0];
    }
  };
  size_t at = 0;
  for (; at + 64 <= bytes.size(); at += 64) absorb(bytes.data() + at);
  uint8_t last[64] = {};
  if (at < bytes.size()) std::memcpy(last, bytes.data() + at, bytes.size() - at);
  absorb(last);
  const uint64_t size = bytes.size();
  return {Fold(lanes[0] ^ size, lanes[1] ^ kMix[0]) ^ lanes[2], Fold(lanes[2] ^ kMix[1], lanes[3] ^ size) + lanes[1]};
}

StatusOr<fs::path> CachedProgramPath(const ir::Model& model, const SessionOptions& options) {
  std::error_code error;
  if (model.path.empty() || !fs::is_regular_file(model.path, error)) return Unsupported("only models from files are cached");
  if (options.providers != std::vector<std::string>{"cpu"}) return Unsupported("only programs of the provider cpu are cached");
  std::set<fs::path> files = {model.path};
  if (model.graph) RETURN_IF_ERROR(AddExternalFiles(*model.graph, files));
  std::string key = fmt::format("{};{};{};{};{};{};{};", kVersion, ThisBuild(), DescribeMachine().cpu_model, cpu::CpuProvider::Target(),
                                options.level, options.memory_limit, options.stop_after_pass);
  for (const std::string& pass : options.disabled_passes) key += pass + ";";
  for (const fs::path& file : files) {
    ASSIGN_OR_RETURN(const Bytes bytes, MapFile(file));
    Add(key, DigestOf(bytes.span()));
  }
  const Digest digest = DigestOf({reinterpret_cast<const uint8_t*>(key.data()), key.size()});
  return fs::path(options.cache) / fmt::format("{:016x}{:016x}.sdnx", digest[0], digest[1]);
}

std::shared_ptr<const void> RecordingStore::Get(size_t bytes, const std::function<void(void*)>& fill) {
  std::shared_ptr<void> memory(AllocateAligned(bytes), std::free);
  if (!memory) return nullptr;
  fill(memory.get());
  pieces_.push_back({memory, bytes});
  return memory;
}

Status WriteCachedProgram(const fs::path& path, const ir::Model& model, const std::unordered_set<const ir::Value*>& unread,
                          const RecordingStore& prepared) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  const std::string graph = Serialize(model);
  std::vector<Entry> table;
  std::vector<std::pair<Tensor, const void*>> parts;  // what holds the data, and the data
  Status status;
  ForEachLargeConstant(*model.graph, [&](ir::Value* value) {
    Entry entry{Entry::kUnread, 0, value->initializer()->byte_size(), {}};
    parts.emplace_back();
    if (!unread.contains(value)) {
      const StatusOr<Tensor> tensor = value->initializer()->ToTensor();
      if (!tensor.ok()) {
        status = tensor.status();
      } else {
        entry.kind = Entry::kConstant;
        parts.back() = {*tensor, tensor->raw_data()};
      }
    }
    table.push_back(entry);
  });
  RETURN_IF_ERROR(status);
  for (const RecordingStore::Piece& piece : prepared.pieces()) {
    table.push_back({Entry::kPrepared, 0, piece.bytes, {}});
    parts.emplace_back(Tensor(), piece.data.get());
  }
  Header header{{}, kVersion, graph.size(), table.size(), 0, {}};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  uint64_t end = RoundUp(sizeof(Header) + graph.size()) + RoundUp(table.size() * sizeof(Entry));
  for (size_t i = 0; i < table.size(); ++i) {
    if (!parts[i].second) continue;
    table[i].digest = DigestOf({static_cast<const uint8_t*>(parts[i].second), table[i].bytes});
    table[i].offset = end;
    end += RoundUp(table[i].bytes);
  }
  header.file_bytes = end;
  std::string front(graph);
  front.resize(RoundUp(sizeof(Header) + graph.size()) - sizeof(Header));
  front.append(reinterpret_cast<const char*>(table.data()), table.size() * sizeof(Entry));
  front.resize(RoundUp(sizeof(Header) + front.size()) - sizeof(Header));
  header.digest = DigestOf({reinterpret_cast<const uint8_t*>(front.data()), front.size()}, end);
  return WriteFileAtomically(path, [&](const ByteSink& sink) -> Status {
    constexpr char kPadding[kAlignment] = {};
    RETURN_IF_ERROR(sink(&header, sizeof(header)));
    RETURN_IF_ERROR(sink(front.data(), front.size()));
    for (size_t i = 0; i < table.size(); ++i) {
      if (!parts[i].second) continue;
      RETURN_IF_ERROR(sink(parts[i].second, table[i].bytes));
      RETURN_IF_ERROR(sink(kPadding, RoundUp(table[i].bytes) - table[i].bytes));
    }
    return {};
  });
}

StatusOr<std::unique_ptr<CachedProgram>> CachedProgram::Read(const fs::path& path) {
  ASSIGN_OR_RETURN(const Bytes file, MapFile(path));
  Header header;
  if (file.size() < sizeof(header)) return Corrupt("it is cut off");
  std::memcpy(&header, file.data(), sizeof(header));
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0 || header.version != kVersion) return Corrupt("it is of another version");
  if (header.file_bytes != file.size() || header.graph_bytes > file.size() || header.entries > file.size() / sizeof(Entry))
    return Corrupt("it is cut off");
  const uint64_t table_at = RoundUp(sizeof(header) + header.graph_bytes), data_at = table_at + RoundUp(header.entries * sizeof(Entry));
  if (data_at > file.size()) return Corrupt("it is cut off");
  if (DigestOf(file.Slice(sizeof(header), data_at - sizeof(header)).span(), header.file_bytes) != header.digest) return Corrupt("it is damaged");

  std::unique_ptr<CachedProgram> program(new CachedProgram);
  ASSIGN_OR_RETURN(program->model_, ir::ParseModel(file.Slice(sizeof(header), header.graph_bytes), path.parent_path()));
  RestoreOpsets(*program->model_);
  std::vector<Entry> table(header.entries);
  if (!table.empty()) std::memcpy(table.data(), file.data() + table_at, table.size() * sizeof(Entry));
  size_t next = 0;
  Status status;
  ForEachLargeConstant(*program->model_->graph, [&](ir::Value* value) {
    if (!status.ok()) return;
    if (next == table.size() || table[next].kind == Entry::kPrepared || table[next].bytes != value->initializer()->byte_size()) {
      status = Corrupt("its constants are not those of its graph");
      return;
    }
    const Entry& entry = table[next++];
    Bytes data = entry.kind == Entry::kUnread ? NoData(entry.bytes) : Bytes();
    if (entry.kind == Entry::kConstant) {
      if (entry.offset > file.size() || entry.bytes > file.size() - entry.offset) {
        status = Corrupt("it is cut off");
        return;
      }
      data = file.Slice(entry.offset, entry.bytes);
      if (DigestOf(data.span()) != entry.digest) status = Corrupt("it is damaged");
      ForgetPages(data.data(), data.size());
    }
    SetData(value, ir::StoredTensor::Raw{std::move(data)});
  });
  RETURN_IF_ERROR(status);
  for (; next < table.size(); ++next) {
    const Entry& entry = table[next];
    if (entry.kind != Entry::kPrepared || entry.offset > file.size() || entry.bytes > file.size() - entry.offset) return Corrupt("it is damaged");
    program->pieces_.push_back({file.Slice(entry.offset, entry.bytes), entry.digest});
  }
  return program;
}

std::shared_ptr<const void> CachedProgram::Get(size_t bytes, const std::function<void(void*)>& fill) {
  if (next_ < pieces_.size()) {
    const Part& part = pieces_[next_++];
    if (part.bytes.size() == bytes && DigestOf(part.bytes.span()) == part.digest) return part.bytes.owner();
  }
  spoiled_ = true;
  std::shared_ptr<void> memory(AllocateAligned(bytes), std::free);
  if (memory) fill(memory.get());
  return memory;
}

}  // namespace sardonyx
