#include "session/program_cache.h"

#include <gtest/gtest.h>

#include <fstream>

#include <fmt/format.h>

#include "ir/save.h"
#include "ir/text.h"

namespace sardonyx {
namespace {

namespace fs = std::filesystem;

// Weights that kernels prepare (a convolution, products), that they read as they are (a table, a branch), and a small one.
constexpr char kModel[] = R"(<ir_version: 10, opset_import: ["" : 21]>
g (float[1,16,8,8] x, int64[2] ids, bool which) => (float[1,32,8,8] c, float[2,40] y, float[2,40] z)
<float[32,16,3,3] w, float[32] b, float[100,40] table, float[40,40] m> {
  t = Conv<pads = [1,1,1,1]>(x, w, b)
  c = Relu(t)
  rows = Gather(table, ids)
  y = MatMul(rows, m)
  z = If(which)<
    then_branch = yes () => (float[2,40] p) { p = MatMul(y, m) },
    else_branch = no () => (float[2,40] q) { q = Add(y, y) }>
})";

class ProgramCache : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fmt::format("sardonyx_program_cache_{}", getpid());
    fs::create_directories(folder_);
    SaveModel(1);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path model_path() const { return folder_ / "model.onnx"; }

  void SaveModel(float scale) {
    auto model = ir::ParseText(kModel);
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    for (const char* name : {"w", "b", "table", "m"}) {
      ir::Value* value = (*model)->graph->Find(name);
      const Dims dims = *value->type.shape->concrete();
      std::vector<float> data(static_cast<size_t>(dims.num_elements()));
      for (size_t i = 0; i < data.size(); ++i) data[i] = scale * (static_cast<float>(i * 7 % 23) / 11 - 1);
      (*model)->graph->SetInitializer(value, ir::StoredTensor::Of(value->name(), Tensor::From<float>(dims, data)));
    }
    ASSERT_TRUE(ir::SaveModel(**model, model_path()).ok());
  }

  Session Load(SessionOptions options = {}) {
    options.threads = 2;
    if (options.cache.empty()) options.cache = folder_ / "cache";
    const auto model = Model::Load(model_path());
    EXPECT_TRUE(model.ok()) << model.status().ToString();
    auto session = Session::Create(*model, options);
    EXPECT_TRUE(session.ok()) << session.status().ToString();
    return *std::move(session);
  }

  static std::vector<float> Run(const Session& session) {
    std::vector<float> all, x(16 * 64);
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 13) - 6;
    for (const bool which : {true, false}) {
      const auto values = session.Run({{"x", Tensor::From<float>({1, 16, 8, 8}, x)},
                                       {"ids", Tensor::From<int64_t>({2}, {3, 99})},
                                       {"which", Tensor::From<bool>({}, {which})}});
      EXPECT_TRUE(values.ok()) << values.status().ToString();
      if (!values.ok()) return {};
      for (const Value& value : *values) {
        const auto data = value.tensor().data<float>();
        all.insert(all.end(), data.begin(), data.end());
      }
    }
    return all;
  }

  std::vector<fs::path> Files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder_ / "cache")) files.push_back(entry.path());
    return files;
  }

  fs::path folder_;
};

TEST_F(ProgramCache, TheSecondStartReadsWhatTheFirstWrote) {
  SessionOptions none;
  none.threads = 2;
  const auto plain = Session::Create(*Model::Load(model_path()), none);
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->cache_note(), "");
  const std::vector<float> expected = Run(*plain);
  const Session first = Load();
  EXPECT_EQ(first.cache_note(), "written");
  EXPECT_EQ(Run(first), expected);
  const Session second = Load();
  EXPECT_EQ(second.cache_note(), "read");
  EXPECT_EQ(Run(second), expected);
  EXPECT_EQ(second.inputs().size(), 3u);
  EXPECT_EQ(second.outputs()[0].dims, (std::vector<int64_t>{1, 32, 8, 8}));
  EXPECT_EQ(Files().size(), 1u);
}

TEST_F(ProgramCache, OtherContentAndOtherOptionsAreOtherPrograms) {
  const std::vector<float> before = Run(Load());
  SessionOptions basic;
  basic.level = 1;
  EXPECT_EQ(Load(basic).cache_note(), "written");
  SaveModel(0.5f);
  const Session changed = Load();
  EXPECT_EQ(changed.cache_note(), "written");
  EXPECT_NE(Run(changed), before);
  EXPECT_EQ(Files().size(), 3u);
}

TEST_F(ProgramCache, DamagedFilesAreReplaced) {
  const std::vector<float> expected = Run(Load());
  const fs::path file = Files()[0];
  std::string content(fs::file_size(file), '\0');
  std::ifstream(file, std::ios::binary).read(content.data(), static_cast<std::streamsize>(content.size()));
  const auto check = [&](const std::string& damaged, const std::string& what) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << damaged;
    const Session session = Load();
    EXPECT_EQ(Run(session), expected) << what;
    // What lies between the parts may be anything.
    if (session.cache_note() == "read") return;
    EXPECT_NE(session.cache_note().find("was not used"), std::string::npos) << what << ": " << session.cache_note();
    EXPECT_EQ(Load().cache_note(), "read") << what;
  };
  for (const size_t size : {size_t{0}, size_t{7}, size_t{60}, content.size() / 3, content.size() - 1})
    check(content.substr(0, size), fmt::format("cut off at {}", size));
  check(content + "x", "a byte too many");
  for (size_t at = 0; at < content.size(); at = at < 200 ? at + 9 : at * 5 / 4) {
    std::string damaged = content;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    check(damaged, fmt::format("a bit at {}", at));
  }
}

TEST_F(ProgramCache, ModelsInMemoryAndFoldersThatCannotBeMadeAreNotes) {
  auto parsed = ir::ParseText(kModel);
  ASSERT_TRUE(parsed.ok());
  SessionOptions options;
  std::ofstream(folder_ / "file") << "in the way";
  options.cache = folder_ / "file";
  const Session session = Load(options);
  EXPECT_NE(session.cache_note().find("not used"), std::string::npos) << session.cache_note();
  EXPECT_FALSE(Run(session).empty());
}

TEST(DigestOf, EveryBitAndTheSizeCount) {
  std::vector<uint8_t> bytes(200, 0);
  const Digest zeros = DigestOf(bytes);
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    bytes[i / 8] ^= static_cast<uint8_t>(1 << i % 8);
    EXPECT_NE(DigestOf(bytes), zeros) << i;
    bytes[i / 8] ^= static_cast<uint8_t>(1 << i % 8);
  }
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_NE(DigestOf({bytes.data(), size}), zeros) << size;
  EXPECT_NE(DigestOf(bytes, 1), zeros);
}

}  // namespace
}  // namespace sardonyx
