// Models larger than protobuf's 2 GB limit load, check, run and save. The files are sparse: their weights are holes, which
// read as zeros and take no disk until they are saved anew.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "check/check.h"
#include "formats/wire.h"
#include "ir/load.h"
#include "ir/save.h"
#include "sardonyx/session.h"

namespace sardonyx {
namespace {

namespace fs = std::filesystem;

// One of the values of /proc/self/status, in bytes.
int64_t ProcessMemory(const char* key) {
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;) {
    int64_t kilobytes = 0;
    if (word == key && file >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

class LargeModel : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("sardonyx_large_" + std::to_string(getpid()));
    fs::create_directory(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // y = Gather(w, i) with w float[rows, 1024] inside the file.
  fs::path WriteSparse(int64_t rows) {
    using formats::WireRope;
    const uint64_t bytes = static_cast<uint64_t>(rows) * 4096;
    const auto value_info = [](const char* name, int dtype, std::vector<int64_t> dims) {
      WireRope shape, tensor, type, info;
      for (const int64_t dim : dims) {
        WireRope d;
        d.Int(1, dim);
        shape.Message(1, std::move(d));
      }
      tensor.Int(1, dtype);
      tensor.Message(2, std::move(shape));
      type.Message(1, std::move(tensor));
      info.String(1, name);
      info.Message(2, std::move(type));
      return info;
    };
    WireRope node;
    node.String(1, "w");
    node.String(1, "i");
    node.String(2, "y");
    node.String(4, "Gather");
    WireRope before_data;  // of the tensor
    before_data.Int(1, rows);
    before_data.Int(1, 1024);
    before_data.Int(2, 1);
    before_data.String(8, "w");
    before_data.Tag(9, formats::WireType::kLength);
    before_data.Varint(bytes);
    WireRope head, tail;  // of the graph
    head.Message(1, std::move(node));
    head.String(2, "g");
    tail.Message(11, value_info("i", 7, {2}));
    tail.Message(12, value_info("y", 1, {2, 1024}));
    const uint64_t tensor_bytes = before_data.size() + bytes;
    head.Tag(5, formats::WireType::kLength);
    head.Varint(tensor_bytes);
    WireRope opset, model;
    opset.Int(2, 18);
    model.Int(1, 8);
    model.Message(8, std::move(opset));
    model.Tag(7, formats::WireType::kLength);
    model.Varint(head.size() + tensor_bytes + tail.size());
    const std::string front = model.Flatten() + head.Flatten() + before_data.Flatten(), back = tail.Flatten();
    const fs::path path = folder_ / "large.onnx";
    const int fd = open(path.c_str(), O_CREAT | O_WRONLY, 0600);
    EXPECT_EQ(pwrite(fd, front.data(), front.size(), 0), static_cast<ssize_t>(front.size()));
    EXPECT_EQ(pwrite(fd, back.data(), back.size(), static_cast<off_t>(front.size() + bytes)), static_cast<ssize_t>(back.size()));
    close(fd);
    return path;
  }

  fs::path folder_;
};

TEST_F(LargeModel, LoadingHalfAGigabyteCostsNoMemory) {
  const fs::path path = WriteSparse(125'000);  // 512 MB
  const int64_t before = ProcessMemory("RssAnon:");
  const auto start = std::chrono::steady_clock::now();
  const auto model = ir::LoadModel(path);
  const auto elapsed = std::chrono::steady_clock::now() - start;
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  const int64_t added = ProcessMemory("RssAnon:") - before;
  std::printf("512 MB model: loaded in %.2f ms, %.2f MB of private memory\n", std::chrono::duration<double, std::milli>(elapsed).count(),
              static_cast<double>(added) / 1e6);
  EXPECT_LT(added, 20'000'000);
}

TEST_F(LargeModel, BeyondTwoGigabytesLoadsChecksRunsAndSaves) {
  if (fs::space(folder_).available < uint64_t{8'000'000'000}) GTEST_SKIP() << "not enough disk";
  const int64_t rows = 560'000;  // 2.29 GB
  const fs::path path = WriteSparse(rows);
  ASSERT_GT(fs::file_size(path), uint64_t{1} << 31);
  auto model = ir::LoadModel(path);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  for (const check::Finding& finding : check::CheckModel(**model))
    EXPECT_NE(finding.severity, check::Severity::kError) << finding.ToString();

  const auto run = [&](const fs::path& file) {
    const auto loaded = Model::Load(file);
    ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
    const auto session = Session::Create(*loaded);
    ASSERT_TRUE(session.ok()) << session.status().ToString();
    const auto result = session->Run({{"i", Tensor::From<int64_t>({2}, {0, rows - 1})}});
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_EQ((*result)[0].tensor().dims(), (Dims{2, 1024}));
  };
  run(path);
  // Saving moves the weights to an external file by itself, since no protobuf library reads more than 2 GB.
  const fs::path saved = folder_ / "saved.onnx";
  const Status status = ir::SaveModel(**model, saved);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_LT(fs::file_size(saved), 10'000u);
  EXPECT_GE(fs::file_size(folder_ / "saved.onnx.data"), static_cast<uint64_t>(rows) * 4096);
  run(saved);
}

}  // namespace
}  // namespace sardonyx
