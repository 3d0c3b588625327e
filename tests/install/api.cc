// Touches what every public header declares, from outside: what the library forgets to export does not link.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <sardonyx/data_type.h>
#include <sardonyx/float_types.h>
#include <sardonyx/model.h>
#include <sardonyx/session.h>
#include <sardonyx/status.h>
#include <sardonyx/tensor.h>
#include <sardonyx/value.h>

using namespace sardonyx;

#define EXPECT(condition)                                                      \
  do {                                                                         \
    if (!(condition)) {                                                        \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);     \
      std::exit(1);                                                            \
    }                                                                          \
  } while (false)

namespace {

void DataTypes() {
  EXPECT(DataTypeName(DataType::kFloat8E4M3FN) == "float8e4m3fn");
  EXPECT(ParseDataType("int64") == DataType::kInt64);
  EXPECT(BitsPerElement(DataType::kInt4) == 4 && PackedBytes(DataType::kInt4, 3) == 2);
  EXPECT(IsFloatingPoint(DataType::kBfloat16) && !IsInteger(DataType::kBool));
}

template <class T>
void NarrowFloat() {
  EXPECT(static_cast<float>(T(2.0f)) == 2.0f);
  EXPECT(static_cast<float>(T::FromBits(T(0.5f).bits)) == 0.5f);
}

void FloatTypes() {
  NarrowFloat<Float16>();
  NarrowFloat<BFloat16>();
  NarrowFloat<Float8E4M3FN>();
  NarrowFloat<Float8E4M3FNUZ>();
  NarrowFloat<Float8E5M2>();
  NarrowFloat<Float8E5M2FNUZ>();
  NarrowFloat<Float8E8M0>();
  NarrowFloat<Float6E2M3>();
  NarrowFloat<Float6E3M2>();
  NarrowFloat<Float4E2M1>();
  EXPECT(static_cast<float>(RoundToFloat8E8M0(3.0f, Float8E8M0Rounding::kUp, Overflow::kSaturate)) == 4.0f);
}

void Statuses() {
  EXPECT(Status().ok());
  const Status status = Corrupt("bytes").WithContext("file");
  EXPECT(status.code() == StatusCode::kCorrupt && status.message() == "file: bytes" && !status.ToString().empty());
  EXPECT(StatusCodeName(StatusCode::kUsage) != StatusCodeName(StatusCode::kInvalid));
  for (const Status& one : {Invalid(""), Usage(""), Unsupported(""), Resource(""), Internal("")}) EXPECT(!one.ok());
}

void Tensors() {
  Dims dims{2, 3};
  EXPECT(dims.num_elements() == 6 && dims.Product(1, 2) == 3 && dims.ToString() == "[2,3]" && dims == Dims({2, 3}));
  dims.push_back(1);
  EXPECT(dims == Dims(std::vector<int64_t>{2, 3, 1}) && Dims(2, 4).num_elements() == 16);
  EXPECT(CheckedNumElements(DataType::kFloat, dims).value() == 6);

  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  const Tensor tensor = Tensor::From<float>({2, 3}, values);
  EXPECT(tensor.TypeString() == "float[2,3]" && tensor.byte_size() == 24 && tensor.is_aligned() && tensor.data<float>()[5] == 6);
  EXPECT(tensor.Reshaped({3, 2}).ok() && !tensor.Reshaped({4}).ok() && tensor.Aligned().defined());
  EXPECT(Tensor::Scalar<int64_t>(7).data<int64_t>()[0] == 7);
  EXPECT(Tensor::Allocate(DataType::kInt4, {5}).value().byte_size() == 3);
  EXPECT(Tensor::FromStrings({1}, {"text"}).data<std::string>()[0] == "text");
  const auto owner = std::make_shared<std::vector<float>>(values);
  EXPECT(Tensor::View(DataType::kFloat, {6}, owner->data(), 24, owner).ok());
  EXPECT(Tensor::FromShared(DataType::kFloat, {6}, std::shared_ptr<const void>(owner, owner->data())).rank() == 1);

  const Value map = Value::Map(Tensor::From<int64_t>({1}, {3}), Tensor::From<float>({1}, {0.5f}));
  EXPECT(map.is_map() && map.map().keys.rank() == 1 && !map.TypeString().empty());
  EXPECT(Value(Value::Sequence{tensor, map}).sequence().size() == 2 && Value().is_none());
}

void Models(const char* path) {
  EXPECT(Model::Load("nowhere.onnx").status().code() == StatusCode::kCorrupt);
  std::ifstream file(path, std::ios::binary);
  const auto model = Model::FromBytes({std::istreambuf_iterator<char>(file), {}});
  EXPECT(model.ok() && model->inputs().size() == 1 && model->outputs()[0].type == "tensor(float)" && model->path().empty());
  EXPECT(model->inputs()[0].symbols[0] == "batch");
  EXPECT(model->Save("saved.onnx").ok() && Model::Load("saved.onnx").ok());

  SessionOptions options;
  options.threads = 1;
  const auto session = Session::Create(*model, options);
  EXPECT(session.ok() && !session->Placement().empty() && session->planned_memory() == -1);
  EXPECT(session->inputs().size() == 1 && session->outputs().size() == 1);
  EXPECT(session->Run({}).status().code() == StatusCode::kUsage);

  RunOptions run;
  const auto token = std::make_shared<CancellationToken>();
  token->Cancel();
  run.cancellation = token;
  const Tensor image = Tensor::Allocate(DataType::kFloat, {3, 1, 28, 28}).value();
  EXPECT(session->Run({{"image", image}}, run).status().code() == StatusCode::kCancelled);
  const auto outputs = session->Run({{"image", image}});
  EXPECT(outputs.ok() && outputs->at(0).tensor().dims() == Dims({3, 10}));
}

}  // namespace

int main(int argc, char** argv) {
  EXPECT(argc == 2);
  DataTypes();
  FloatTypes();
  Statuses();
  Tensors();
  Models(argv[1]);
}
