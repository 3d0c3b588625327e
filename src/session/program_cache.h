// Compiled programs on disk, so that a model's second start neither rewrites the graph nor packs weights.
//
// A file holds the prepared graph, the constants that a program still reads, and what its kernels made of the others
// (runtime/prepared_store.h), all of it mapped: processes share the pages. Its name is a digest of the model's content, of the options
// that matter, of this very library and of the processor. Every part has a digest of its own, which is held against the content before the
// content is used; a file that is damaged, or whose program asks for something else, is as good as none.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <unordered_set>
#include <vector>

#include "base/bytes.h"
#include "ir/model.h"
#include "runtime/prepared_store.h"
#include "sardonyx/session.h"

namespace sardonyx {

// Of 128 bits: tells contents apart, but is not made to withstand those who look for two that it does not.
using Digest = std::array<uint64_t, 2>;
Digest DigestOf(std::span<const uint8_t> bytes, uint64_t seed = 0);

// Where the program of `model` under `options` lies in options.cache. kUnsupported for a model that did not come from a file; errors of
// reading the files that belong to it.
StatusOr<std::filesystem::path> CachedProgramPath(const ir::Model& model, const SessionOptions& options);

// Keeps what the first compilation prepares.
class RecordingStore final : public runtime::PreparedStore {
 public:
  std::shared_ptr<const void> Get(size_t bytes, const std::function<void(void*)>& fill) override;
  struct Piece {
    std::shared_ptr<const void> data;
    size_t bytes = 0;
  };
  const std::vector<Piece>& pieces() const { return pieces_; }

 private:
  std::vector<Piece> pieces_;
};

// Writes `model`, as compiled, without the data of the constants in `unread`. kResource when it cannot be written.
Status WriteCachedProgram(const std::filesystem::path& path, const ir::Model& model, const std::unordered_set<const ir::Value*>& unread,
                          const RecordingStore& prepared);

class CachedProgram final : public runtime::PreparedStore {
 public:
  // kCorrupt for a file that is damaged or of another version. Prepared pieces are checked only when they are asked for.
  static StatusOr<std::unique_ptr<CachedProgram>> Read(const std::filesystem::path& path);

  std::unique_ptr<ir::Model> TakeModel() { return std::move(model_); }
  // A piece that is not what was asked for is filled anew, and spoils the whole: constants that fill() reads may not be there.
  std::shared_ptr<const void> Get(size_t bytes, const std::function<void(void*)>& fill) override;
  // After compilation: everything was asked for and was as it had been written.
  bool ok() const { return !spoiled_ && next_ == pieces_.size(); }

 private:
  CachedProgram() = default;
  struct Part {
    Bytes bytes;
    Digest digest;
  };
  std::unique_ptr<ir::Model> model_;
  std::vector<Part> pieces_;
  size_t next_ = 0;
  bool spoiled_ = false;
};

}  // namespace sardonyx
