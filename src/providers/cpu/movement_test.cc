// Movement, sequence and text bindings: versions, types of less than a byte, and what must be refused.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <limits>

#include "providers/cpu/kernel_test_util.h"

namespace sardonyx::cpu {
namespace {

using Attributes = std::vector<ir::Attribute>;
using Ints = std::vector<int64_t>;
using testing::RunOperator;

Value Floats(Dims dims, std::vector<float> values) { return Tensor::From<float>(dims, values); }
Value Longs(Dims dims, Ints values) { return Tensor::From<int64_t>(dims, values); }
Value Long(int64_t value) { return Tensor::Scalar<int64_t>(value); }

// "float[2] 1 2", or the code of the error.
std::string Show(const StatusOr<std::vector<Value>>& outputs) {
  if (!outputs.ok()) return std::string(StatusCodeName(outputs.status().code()));
  const Value& value = (*outputs)[0];
  if (!value.is_tensor()) return value.TypeString();
  const Tensor& tensor = value.tensor();
  std::string text = tensor.TypeString();
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    if (tensor.dtype() == DataType::kFloat) text += fmt::format(" {}", tensor.data<float>()[i]);
    if (tensor.dtype() == DataType::kInt64) text += fmt::format(" {}", tensor.data<int64_t>()[i]);
    if (tensor.dtype() == DataType::kString) text += " " + tensor.data<std::string>()[i];
  }
  return text;
}

const int64_t kMax = std::numeric_limits<int64_t>::max(), kMin = std::numeric_limits<int64_t>::min();

TEST(MovementBindings, AttributesBecameInputs) {
  const Value x = Floats({1, 2}, {1, 2});
  EXPECT_EQ(Show(RunOperator("", "Squeeze", 11, {{"axes", Ints{0}}}, {x})), "float[2] 1 2");
  EXPECT_EQ(Show(RunOperator("", "Squeeze", 13, {}, {x, Longs({1}, {0})})), "float[2] 1 2");
  EXPECT_EQ(Show(RunOperator("", "Unsqueeze", 1, {{"axes", Ints{0, 3}}}, {x})), "float[1,1,2,1] 1 2");
  EXPECT_EQ(Show(RunOperator("", "Slice", 1, {{"starts", Ints{1}}, {"ends", Ints{9}}, {"axes", Ints{1}}}, {x})), "float[1,1] 2");
  EXPECT_EQ(Show(RunOperator("", "Slice", 13, {}, {x, Longs({1}, {-1}), Longs({1}, {kMin}), Longs({1}, {-1}), Longs({1}, {-1})})),
            "float[1,2] 2 1");
  EXPECT_EQ(Show(RunOperator("", "Reshape", 1, {{"shape", Ints{2, 0}}}, {x})), "invalid");
  EXPECT_EQ(Show(RunOperator("", "Reshape", 1, {{"shape", Ints{-1}}}, {x})), "float[2] 1 2");
  EXPECT_EQ(Show(RunOperator("", "Pad", 1, {{"paddings", Ints{0, 1, 0, 0}}, {"value", 9.f}}, {x})), "float[1,3] 9 1 2");
  EXPECT_EQ(Show(RunOperator("", "Pad", 2, {{"pads", Ints{0, 1, 0, 0}}, {"mode", std::string("edge")}}, {x})), "float[1,3] 1 1 2");
  EXPECT_EQ(Show(RunOperator("", "Pad", 18, {}, {x, Longs({2}, {1, 0}), Value(), Longs({1}, {-1})})), "float[1,3] 0 1 2");
  EXPECT_EQ(Show(RunOperator("", "Tile", 1, {}, {x, Tensor::Scalar(2.f), Tensor::Scalar(1.f)})), "float[1,4] 1 2 1 2");
  EXPECT_EQ(Show(RunOperator("", "Concat", 1, {}, {x, x})), "float[1,4] 1 2 1 2");
  EXPECT_EQ(Show(RunOperator("", "Split", 18, {{"axis", int64_t{1}}, {"num_outputs", int64_t{2}}}, {Floats({1, 3}, {1, 2, 3})}, 2)),
            "float[1,2] 1 2");
  EXPECT_EQ(Show(RunOperator("", "Split", 13, {{"axis", int64_t{1}}}, {Floats({1, 3}, {1, 2, 3})}, 2)), "invalid");
}

TEST(MovementBindings, HostileNumbersAreRefused) {
  const Value x = Floats({2, 2}, {1, 2, 3, 4});
  const struct {
    const char* op;
    int64_t version;
    Attributes attributes;
    std::vector<Value> inputs;
  } cases[] = {
      {"Reshape", 14, {}, {x, Longs({2}, {kMax, kMax})}},
      {"Reshape", 14, {{"allowzero", int64_t{1}}}, {x, Longs({3}, {0, kMax, kMax})}},
      {"Flatten", 13, {{"axis", int64_t{3}}}, {x}},
      {"Transpose", 13, {{"perm", Ints{0, 0}}}, {x}},
      {"Transpose", 13, {{"perm", Ints{0, 7}}}, {x}},
      {"Concat", 13, {{"axis", int64_t{2}}}, {x, x}},
      {"Concat", 13, {{"axis", int64_t{0}}}, {x, Floats({1, 3}, {1, 2, 3})}},
      {"Split", 13, {}, {x, Longs({1}, {3})}},
      {"Split", 13, {}, {x, Longs({1}, {kMin})}},
      {"Slice", 13, {}, {x, Longs({1}, {0}), Longs({1}, {1}), Longs({1}, {5})}},
      {"Slice", 13, {}, {x, Longs({1}, {0}), Longs({1}, {1}), Longs({1}, {0}), Longs({1}, {0})}},
      {"Expand", 13, {}, {x, Longs({1}, {3})}},
      {"Expand", 13, {}, {x, Longs({3}, {kMax, 2, 2})}},
      {"Expand", 13, {}, {x, Longs({3}, {-1, 2, 2})}},
      {"Tile", 13, {}, {x, Longs({2}, {kMax, kMax})}},
      {"Tile", 13, {}, {x, Longs({2}, {-1, 1})}},
      {"Gather", 13, {}, {x, Long(2)}},
      {"Gather", 13, {}, {x, Long(kMin)}},
      {"GatherElements", 13, {}, {x, Longs({1, 3}, {0, 0, 0})}},
      {"GatherND", 13, {}, {x, Longs({1}, {2})}},
      {"GatherND", 13, {{"batch_dims", kMin}}, {x, Longs({1}, {0})}},
      {"ScatterElements", 18, {}, {x, Longs({1, 1}, {2}), Floats({1, 1}, {0})}},
      {"ScatterElements", 18, {}, {x, Longs({1, 1}, {0}), Floats({1, 2}, {0, 0})}},
      {"ScatterND", 18, {}, {x, Longs({1, 1}, {-3}), Floats({1, 2}, {0, 0})}},
      {"ScatterND", 18, {}, {x, Longs({1, 3}, {0, 0, 0}), Floats({1}, {0})}},
      {"Pad", 18, {}, {x, Longs({4}, {kMax, 0, kMax, 0})}},
      {"Pad", 18, {}, {x, Longs({4}, {-3, 0, 0, 0})}},
      {"Pad", 18, {}, {x, Longs({3}, {1, 1, 1})}},
      {"CenterCropPad", 18, {}, {x, Longs({2}, {kMin, 1})}},
      {"SpaceToDepth", 13, {{"blocksize", int64_t{0}}}, {x}},
      {"DepthToSpace", 13, {{"blocksize", kMax}}, {x}},
      {"Compress", 11, {{"axis", int64_t{0}}}, {x, Tensor::From<bool>({3}, {false, false, true})}},
      {"ReverseSequence", 10, {}, {x, Longs({2}, {3, 0})}},
      {"Unique", 11, {{"axis", int64_t{-3}}}, {x}},
  };
  for (const auto& c : cases) {
    StatusOr<std::vector<Value>> result = RunOperator("", c.op, c.version, c.attributes, c.inputs);
    ASSERT_FALSE(result.ok()) << c.op << ": " << Show(result);
    EXPECT_TRUE(result.status().code() == StatusCode::kInvalid || result.status().code() == StatusCode::kResource)
        << result.status().ToString();
  }
}

TEST(MovementBindings, TypesOfLessThanAByteMove) {
  const uint8_t packed[] = {0x21, 0x43, 0x65};  // int4 [2,3]: 1 2 3 / 4 5 6
  auto owner = std::make_shared<std::vector<uint8_t>>(packed, packed + 3);
  const Value x = *Tensor::View(DataType::kInt4, {2, 3}, owner->data(), 3, owner);
  StatusOr<std::vector<Value>> out = RunOperator("", "Transpose", 21, {}, {x});
  ASSERT_TRUE(out.ok());
  const Tensor& y = (*out)[0].tensor();
  EXPECT_EQ(y.TypeString(), "int4[3,2]");
  const auto* bytes = static_cast<const uint8_t*>(y.raw_data());
  EXPECT_EQ(std::vector<uint8_t>(bytes, bytes + 3), (std::vector<uint8_t>{0x41, 0x52, 0x63}));
}

TEST(MovementBindings, EmptyListsConcatenateWithAnything) {
  EXPECT_EQ(Show(RunOperator("", "Concat", 13, {{"axis", int64_t{1}}}, {Floats({0}, {}), Floats({1, 2}, {1, 2})})), "float[1,2] 1 2");
}

TEST(SequenceBindings, InsertEraseAtSplitJoin) {
  const Value a = Floats({1}, {1}), b = Floats({1}, {2}), sequence = Value(Value::Sequence{a, b});
  EXPECT_EQ(Show(RunOperator("", "SequenceAt", 11, {}, {sequence, Long(-1)})), "float[1] 2");
  EXPECT_EQ(Show(RunOperator("", "SequenceAt", 11, {}, {sequence, Long(2)})), "invalid");
  EXPECT_EQ(Show(RunOperator("", "SequenceAt", 11, {}, {a, Long(0)})), "invalid");
  EXPECT_EQ(Show(RunOperator("", "SequenceInsert", 11, {}, {sequence, a, Long(2)})), "sequence of 3");
  EXPECT_EQ(Show(RunOperator("", "SequenceInsert", 11, {}, {sequence, a, Long(3)})), "invalid");
  EXPECT_EQ(Show(RunOperator("", "SequenceErase", 11, {}, {sequence})), "sequence of 1");
  EXPECT_EQ(Show(RunOperator("", "SequenceErase", 11, {}, {Value(Value::Sequence())})), "invalid");
  EXPECT_EQ(Show(RunOperator("", "SequenceLength", 11, {}, {sequence})), "int64[] 2");
  EXPECT_EQ(Show(RunOperator("", "ConcatFromSequence", 11, {{"axis", int64_t{0}}}, {sequence})), "float[2] 1 2");
  EXPECT_EQ(Show(RunOperator("", "ConcatFromSequence", 11, {{"axis", int64_t{-1}}, {"new_axis", int64_t{1}}}, {sequence})),
            "float[1,2] 1 2");
  EXPECT_EQ(Show(RunOperator("", "SplitToSequence", 11, {}, {Floats({3}, {1, 2, 3}), Long(2)})), "sequence of 2");
  EXPECT_EQ(Show(RunOperator("", "SplitToSequence", 11, {}, {Floats({3}, {1, 2, 3}), Long(0)})), "invalid");
  EXPECT_EQ(Show(RunOperator("", "SplitToSequence", 11, {}, {*Tensor::Allocate(DataType::kFloat, {int64_t{1} << 40, 0})})), "resource");
  EXPECT_EQ(Show(RunOperator("", "OptionalGetElement", 18, {}, {Value()})), "invalid");
}

TEST(TextBindings, BadAttributesAreRefused) {
  const Value text = Tensor::From<std::string>({2}, {"b a", "é"});
  EXPECT_EQ(Show(RunOperator("", "StringSplit", 20, {}, {text}, 2)), "string[2,2] b a é ");
  EXPECT_EQ(Show(RunOperator("", "StringNormalizer", 10, {{"case_change_action", std::string("UPPER")}}, {text})), "string[2] B A É");
  EXPECT_EQ(Show(RunOperator("", "StringNormalizer", 10, {{"case_change_action", std::string("x")}}, {text})), "invalid");
  EXPECT_EQ(Show(RunOperator("", "RegexFullMatch", 20, {{"pattern", std::string("(")}}, {text})), "invalid");
  EXPECT_EQ(Show(RunOperator("", "StringConcat", 20, {}, {text, Floats({2}, {1, 2})})), "invalid");
  EXPECT_EQ(Show(RunOperator("", "TfIdfVectorizer", 9, {{"mode", std::string("TF")}}, {text})), "invalid");
}

}  // namespace
}  // namespace sardonyx::cpu
