#include "formats/npz.h"

#include <map>
#include <numeric>

#include "formats/test_util.h"

namespace sardonyx::formats {
namespace {

std::string Npz(const NamedTensors& tensors, ZipWriter::Method method = ZipWriter::Method::kStore) {
  std::string out;
  EXPECT_TRUE(WriteNpz(tensors, AppendTo(&out), method).ok());
  return out;
}

DataType GoldenType(std::string_view name) { return ParseDataType(name).value_or(DataType::kUndefined); }

// 0, 1, 2... as each element type of the golden archives.
template <class T>
Tensor Count(const Dims& dims) {
  std::vector<T> values(static_cast<size_t>(dims.num_elements()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = T(static_cast<float>(i));
  return Tensor::From<T>(dims, values);
}

std::map<std::string, Tensor> GoldenTensors() {
  const Dims shape{2, 3};
  return {{"b1", Tensor::From<bool>(shape, {false, true, false, true, false, true})},
          {"i1", Count<int8_t>(shape)},
          {"i2", Count<int16_t>(shape)},
          {"i4", Count<int32_t>(shape)},
          {"i8", Count<int64_t>(shape)},
          {"u1", Count<uint8_t>(shape)},
          {"u2", Count<uint16_t>(shape)},
          {"u4", Count<uint32_t>(shape)},
          {"u8", Count<uint64_t>(shape)},
          {"f2", Count<Float16>(shape)},
          {"f4", Count<float>(shape)},
          {"f8", Count<double>(shape)},
          {"c8", Count<std::complex<float>>(shape)},
          {"c16", Count<std::complex<double>>(shape)},
          {"big_i2", Count<int16_t>(shape)},
          {"big_f4", Count<float>(shape)},
          {"big_f8", Count<double>(shape)},
          {"big_c8", Count<std::complex<float>>(shape)},
          {"big_U3", Tensor::From<std::string>(shape, {"0", "1", "2", "3", "4", "5"})},
          {"fortran_i4", Count<int32_t>(shape)},
          {"fortran_big_f8", Count<double>({2, 3, 4})},
          {"U", Tensor::From<std::string>(shape, {"", "a", "h\xc3\xa9", "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x98\x80", "a b"})},
          {"S", Tensor::From<std::string>(shape, {"", "a", "\xff\xfe", "abc", std::string("a\0b", 3), "x"})},
          {"scalar", Tensor::Scalar<int64_t>(7)},
          {"empty", Count<float>({2, 0, 3})},
          {"bfloat16", Count<BFloat16>(shape)},
          {"float8e4m3fn", Count<Float8E4M3FN>(shape)}};
}

TEST(Npz, ReadsWhatNumPyWrites) {
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const auto tensors = ReadNpz(Golden(name), GoldenType);
    ASSERT_TRUE(tensors.ok()) << tensors.status().ToString();
    const auto expected = GoldenTensors();
    EXPECT_EQ(tensors->size(), expected.size() + 1);
    EXPECT_EQ(tensors->front().first, "b1");
    for (const auto& [key, tensor] : *tensors) {
      if (key == "int4") {
        EXPECT_EQ(tensor.dtype(), DataType::kInt4);
        EXPECT_EQ(std::memcmp(tensor.raw_data(), "\xed\x0f\x21", 3), 0);  // -3 -2, -1 0, 1 2
        continue;
      }
      ASSERT_TRUE(expected.count(key)) << key;
      EXPECT_TRUE(SameTensor(tensor, expected.at(key))) << name << " " << key << " " << tensor.TypeString();
    }
  }
}

TEST(Npz, RoundTripKeepsOrderAndNames) {
  NamedTensors tensors;
  for (const Tensor& tensor : OneOfEveryType()) tensors.emplace_back("z/" + std::string(DataTypeName(tensor.dtype())) + ":0", tensor);
  std::reverse(tensors.begin(), tensors.end());
  for (const auto method : {ZipWriter::Method::kStore, ZipWriter::Method::kDeflate}) {
    const auto back =
        ReadNpz(Bytes::Own(Npz(tensors, method)), [&](std::string_view name) { return GoldenType(name.substr(2, name.size() - 4)); });
    ASSERT_TRUE(back.ok()) << back.status().ToString();
    ASSERT_EQ(back->size(), tensors.size());
    for (size_t i = 0; i < tensors.size(); ++i) {
      EXPECT_EQ((*back)[i].first, tensors[i].first);
      EXPECT_TRUE(SameTensor((*back)[i].second, tensors[i].second)) << tensors[i].first;
    }
  }
}

TEST(Npz, NoArraysAndSameNames) {
  const auto none = ReadNpz(Bytes::Own(Npz({})));
  ASSERT_TRUE(none.ok()) << none.status().ToString();
  EXPECT_TRUE(none->empty());
  const Tensor one = Tensor::Scalar(1.0f);
  EXPECT_EQ(WriteNpz({{"a", one}, {"a", one}}, [](const void*, size_t) { return Status(); }).code(), StatusCode::kUsage);
}

// Damage may hit bytes that mean nothing (a time, a flag), but never goes unseen in a value.
TEST(Npz, DamageNeverChangesAValue) {
  const Tensor tensor = Tensor::From<int32_t>({5}, {1, 2, 3, 4, 5});
  for (const auto method : {ZipWriter::Method::kStore, ZipWriter::Method::kDeflate}) {
    const std::string file = Npz({{"a", tensor}}, method);
    for (size_t size = 0; size < file.size(); ++size) EXPECT_FALSE(ReadNpz(Bytes::Own(file.substr(0, size))).ok()) << size;
    for (size_t bit = 0; bit < file.size() * 8; ++bit) {
      std::string damaged = file;
      damaged[bit / 8] ^= static_cast<char>(1 << (bit % 8));
      const auto back = ReadNpz(Bytes::Own(damaged));
      if (!back.ok()) continue;
      ASSERT_LE(back->size(), 1u) << bit;
      for (const auto& [name, value] : *back) EXPECT_TRUE(SameTensor(value, tensor)) << bit;
    }
  }
}

TEST(Npz, BombIsRefusedBeforeUnpacking) {
  const Tensor zeros = *Tensor::Allocate(DataType::kUint8, {64 << 20});
  const std::string bomb = Npz({{"a", zeros}}, ZipWriter::Method::kDeflate);
  UnpackLimits limits;
  limits.max_expansion = 10;
  EXPECT_EQ(ReadNpz(Bytes::Own(bomb), nullptr, limits).status().code(), StatusCode::kResource);
  limits = {};
  limits.max_members = 1;
  EXPECT_EQ(ReadNpz(Bytes::Own(Npz({{"a", Tensor::Scalar(1.0f)}, {"b", Tensor::Scalar(1.0f)}})), nullptr, limits).status().code(),
            StatusCode::kResource);
}

TEST(Npz, MembersThatAreNoArrays) {
  std::string out;
  ZipWriter zip(AppendTo(&out));
  const std::string_view text = "text";
  ASSERT_TRUE(zip.Add("readme.txt", {&text, 1}).ok());
  ASSERT_TRUE(zip.Finish().ok());
  const auto tensors = ReadNpz(Bytes::Own(out));
  EXPECT_EQ(tensors.status().code(), StatusCode::kCorrupt);
  EXPECT_NE(tensors.status().message().find("readme.txt"), std::string::npos);
  EXPECT_EQ(ReadNpz(Bytes::Own(std::string("text"))).status().code(), StatusCode::kCorrupt);
  EXPECT_EQ(ReadNpz(Bytes::Own(std::string())).status().code(), StatusCode::kCorrupt);
}

}  // namespace
}  // namespace sardonyx::formats
