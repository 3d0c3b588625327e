#include "formats/torch_save.h"

#include <map>

#include "base/status_macros.h"
#include "formats/test_util.h"

namespace sardonyx::formats {
namespace {

StatusOr<std::vector<std::pair<std::string, TorchTensor>>> State(const std::string& name) {
  ASSIGN_OR_RETURN(const TorchFile file, TorchFile::Open(Golden("torch/" + name)));
  return ReadStateDict(file, file.root());
}

template <class T>
std::vector<T> Values(const TorchTensor& tensor) {
  const auto dense = tensor.Dense();
  EXPECT_TRUE(dense.ok()) << dense.status().ToString();
  if (!dense.ok()) return {};
  const Tensor aligned = dense->Aligned();
  EXPECT_EQ(aligned.dtype(), DataTypeOf<T>::value);
  return {aligned.data<T>().begin(), aligned.data<T>().end()};
}

using Floats = std::vector<float>;

TEST(TorchSave, TensorsOfAZipArchive) {
  for (const char* name : {"stored.pt", "deflated.pt"}) {
    SCOPED_TRACE(name);
    const auto state = State(name);
    ASSERT_TRUE(state.ok()) << state.status().ToString();
    std::map<std::string, TorchTensor> by_name(state->begin(), state->end());
    ASSERT_EQ(by_name.size(), 14u);
    EXPECT_EQ(state->front().first, "whole");
    EXPECT_TRUE(by_name["whole"].is_parameter);
    EXPECT_TRUE(by_name["whole"].requires_grad);
    EXPECT_EQ(by_name["whole"].storage, by_name["row"].storage);
    EXPECT_EQ(by_name["whole"].Dense()->raw_data(), by_name["whole"].storage->bytes.data());  // a view
    EXPECT_EQ(Values<float>(by_name["whole"]), (Floats{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
    EXPECT_EQ(Values<float>(by_name["transposed"]), (Floats{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}));
    EXPECT_EQ(Values<float>(by_name["row"]), (Floats{8, 9, 10, 11}));
    EXPECT_EQ(Values<float>(by_name["expanded"]), (Floats{1, 2, 3, 1, 2, 3}));
    EXPECT_EQ(Values<float>(by_name["scalar"]), (Floats{5}));
    EXPECT_EQ(by_name["empty"].Dense()->dims(), (Dims{0, 3}));
    EXPECT_EQ(Values<float>(by_name["old"]), (Floats{2, 3}));
    EXPECT_EQ(static_cast<float>(Values<BFloat16>(by_name["bfloat16"])[1]), 2.0f);
    EXPECT_EQ(static_cast<float>(Values<Float8E4M3FN>(by_name["fp8"])[0]), 1.0f);
    EXPECT_EQ(Values<uint16_t>(by_name["uint16"]), (std::vector<uint16_t>{7, 65535}));
    EXPECT_EQ(Values<int8_t>(by_name["quantized"]), (std::vector<int8_t>{1, -1, 3, 4}));
    EXPECT_EQ(by_name["quantized"].quantization->scales, (std::vector<double>{0.5}));
    EXPECT_EQ(by_name["quantized"].quantization->zero_points, (std::vector<int64_t>{3}));
    EXPECT_EQ(by_name["per_channel"].quantization->scales, (std::vector<double>{0.5, 0.25}));
    EXPECT_EQ(by_name["per_channel"].quantization->axis, 0);
    EXPECT_EQ(Values<float>(by_name["coo"]), (Floats{0, 0, 1, 5, 0, 0}));  // one entry is there twice
    EXPECT_EQ(Values<float>(by_name["csr"]), (Floats{0, 0, 1, 2, 3, 0}));
  }
}

TEST(TorchSave, LegacyStream) {
  const auto file = TorchFile::Open(Golden("torch/legacy.pt"));
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ(file->root().Get("epoch")->integer, 3);
  size_t skipped = 0;
  const auto state = ReadStateDict(*file, *file->root().Get("state_dict"), &skipped);
  ASSERT_TRUE(state.ok()) << state.status().ToString();
  EXPECT_EQ(skipped, 0u);
  EXPECT_EQ(Values<float>((*state)[0].second), (Floats{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(Values<float>((*state)[1].second), (Floats{3, 4}));  // of a view of the storage that begins at element 2
}

TEST(TorchSave, Tar) {
  const auto state = State("tar.pt");
  ASSERT_TRUE(state.ok()) << state.status().ToString();
  ASSERT_EQ(state->size(), 2u);
  EXPECT_EQ(Values<float>((*state)[0].second), (Floats{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(Values<float>((*state)[1].second), (Floats{3, 4}));
}

TEST(TorchSave, Refusals) {
  EXPECT_EQ(State("big_endian.pt").status().code(), StatusCode::kUnsupported);
  const Status hostile = State("hostile.pt").status();
  EXPECT_EQ(hostile.code(), StatusCode::kUnsupported);
  EXPECT_NE(hostile.message().find("torch.Evil"), std::string::npos) << hostile.message();
  EXPECT_EQ(TorchFile::Open(Bytes::Own(std::string("text"))).status().code(), StatusCode::kCorrupt);
  for (const auto& [module, name] : {std::pair{"os", "system"}, {"builtins", "eval"}, {"builtins", "getattr"}, {"torch", "load"},
                                     {"torch.hub", "load"}, {"numpy", "load"}, {"torch._utils", "import_module"}, {"subprocess", "Popen"}})
    EXPECT_FALSE(AllowsTorchSaveGlobal(module, name)) << module << "." << name;
}

TEST(TorchSave, KindsByContent) {
  const auto kind = [](const char* name) { return DetectTorchFile(Golden(name)); };
  EXPECT_EQ(kind("torch/stored.pt"), TorchFileKind::kSave);
  EXPECT_EQ(kind("torch/legacy.pt"), TorchFileKind::kLegacySave);
  EXPECT_EQ(kind("torch/tar.pt"), TorchFileKind::kTarSave);
  EXPECT_EQ(kind("stored.npz"), TorchFileKind::kNone);
  EXPECT_EQ(kind("text.gz"), TorchFileKind::kNone);
}

// Cut or changed anywhere, a file gives an error or tensors, and nothing else.
TEST(TorchSave, Damage) {
  for (const char* name : {"stored.pt", "legacy.pt", "tar.pt"}) {
    const Bytes whole = Golden(std::string("torch/") + name);
    const auto try_all = [](const Bytes& bytes) {
      const auto file = TorchFile::Open(bytes);
      if (!file.ok()) return;
      for (const PickleValue& value : file->pickle()->values()) {
        if (!TorchFile::IsTensor(value)) continue;
        const auto tensor = file->ReadTensor(value);
        if (tensor.ok()) (void)tensor->Dense();
      }
    };
    for (size_t size = 0; size < whole.size(); size += 3) try_all(whole.Slice(0, size));
    for (size_t i = 0; i < whole.size(); ++i) {
      std::string damaged(whole.view());
      damaged[i] ^= static_cast<char>(1 << i % 8);
      try_all(Bytes::Own(damaged));
    }
  }
}

TEST(TorchTensor, BeyondItsStorage) {
  TorchTensor tensor;
  tensor.dtype = DataType::kFloat;
  tensor.storage = std::make_shared<const TorchStorage>(TorchStorage{Bytes::Own(std::string(16, '\0'))});
  const auto code = [&](std::vector<int64_t> sizes, std::vector<int64_t> strides, int64_t offset) {
    tensor.sizes = std::move(sizes), tensor.strides = std::move(strides), tensor.offset = offset;
    return tensor.Dense().status().code();
  };
  EXPECT_EQ(code({4}, {1}, 0), StatusCode::kOk);
  EXPECT_EQ(code({4}, {1}, 1), StatusCode::kCorrupt);
  EXPECT_EQ(code({2, 2}, {3, 1}, 0), StatusCode::kCorrupt);
  EXPECT_EQ(code({3}, {INT64_MAX / 2}, 0), StatusCode::kCorrupt);
  EXPECT_EQ(code({1}, {INT64_MAX}, 3), StatusCode::kOk);
  EXPECT_EQ(code({2}, {-1}, 3), StatusCode::kCorrupt);
  EXPECT_EQ(code({2}, {1}, -1), StatusCode::kCorrupt);
  EXPECT_EQ(code({1000, 1000, 1000, 1000}, {0, 0, 0, 0}, 0), StatusCode::kResource);
  EXPECT_EQ(code({0, 5}, {5, 1}, 9), StatusCode::kOk);
}

}  // namespace
}  // namespace sardonyx::formats
