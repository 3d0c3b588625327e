#include "ir/type.h"

#include <gtest/gtest.h>

namespace sardonyx::ir {
namespace {

TEST(ShapeTest, KnowsWhatIsStatic) {
  EXPECT_TRUE(Shape().is_static());
  EXPECT_EQ(Shape().num_elements(), Dim(1));
  const Shape fixed{2, 3, 4};
  EXPECT_EQ(fixed.concrete(), Dims({2, 3, 4}));
  EXPECT_EQ(fixed.num_elements(), Dim(24));
  const Shape open{Dim::Symbol("n"), 3, Dim()};
  EXPECT_FALSE(open.is_static());
  EXPECT_EQ(open.concrete(), std::nullopt);
  EXPECT_TRUE(open.num_elements().is_unknown());
  EXPECT_EQ(open.ToString(), "[n,3,?]");
  EXPECT_EQ(Shape({Dim(), Dim::Symbol("n"), 0}).num_elements(), Dim(0));
  EXPECT_EQ(Shape::OfRank(2).ToString(), "[?,?]");
  EXPECT_EQ(Shape::Of(Dims{5, 6}).ToString(), "[5,6]");
}

TEST(TypeTest, SpellsAsTheSchemasDo) {
  EXPECT_EQ(Type().Spelling(), "?");
  EXPECT_EQ(Type::Tensor(DataType::kFloat).Spelling(), "tensor(float)");
  EXPECT_EQ(Type::SparseTensor(DataType::kInt64, std::nullopt).Spelling(), "sparse_tensor(int64)");
  EXPECT_EQ(Type::Sequence(Type::Tensor(DataType::kString)).Spelling(), "seq(tensor(string))");
  EXPECT_EQ(Type::Map(DataType::kString, Type::Tensor(DataType::kFloat)).Spelling(), "map(string,tensor(float))");
  EXPECT_EQ(Type::Optional(Type::Sequence(Type::Tensor(DataType::kInt8))).Spelling(), "optional(seq(tensor(int8)))");
}

TEST(TypeTest, PrintsShapes) {
  EXPECT_EQ(Type::Tensor(DataType::kFloat, Shape{Dim::Symbol("n"), 3}).ToString(), "float[n,3]");
  EXPECT_EQ(Type::Tensor(DataType::kFloat).ToString(), "float[...]");
  EXPECT_EQ(Type::Tensor(DataType::kFloat, Shape{}).ToString(), "float[]");
  EXPECT_EQ(Type::Sequence(Type::Tensor(DataType::kFloat, Shape{2})).ToString(), "seq(float[2])");
  Type opaque;
  opaque.kind = Type::Kind::kOpaque;
  opaque.opaque_domain = "com.example";
  opaque.opaque_name = "Thing";
  EXPECT_EQ(opaque.ToString(), "opaque(com.example,Thing)");
}

TEST(TypeTest, DeepNestingPrintsBounded) {
  Type type = Type::Tensor(DataType::kFloat);
  for (int i = 0; i < 1000; ++i) type = Type::Sequence(type);
  EXPECT_LT(type.ToString().size(), 400u);
}

TEST(TypeTest, CompatibleUnlessContradicting) {
  const Type any;
  const Type f = Type::Tensor(DataType::kFloat);
  const Type f23 = Type::Tensor(DataType::kFloat, Shape{2, 3});
  const Type fn3 = Type::Tensor(DataType::kFloat, Shape{Dim::Symbol("n"), 3});
  const Type fm3 = Type::Tensor(DataType::kFloat, Shape{Dim::Symbol("n") + 1, 3});
  EXPECT_TRUE(Compatible(any, f));
  EXPECT_TRUE(Compatible(f, f23));
  EXPECT_TRUE(Compatible(f23, fn3));
  EXPECT_FALSE(Compatible(fn3, fm3));  // n is never n+1
  EXPECT_TRUE(Compatible(f23, Type::Tensor(DataType::kUndefined, Shape{2, Dim()})));
  EXPECT_FALSE(Compatible(f23, Type::Tensor(DataType::kFloat, Shape{2, 4})));
  EXPECT_FALSE(Compatible(f23, Type::Tensor(DataType::kFloat, Shape{2})));
  EXPECT_FALSE(Compatible(f, Type::Tensor(DataType::kDouble)));
  EXPECT_FALSE(Compatible(f, Type::Sequence(f)));
  EXPECT_TRUE(Compatible(Type::Sequence(f), Type::Sequence(f23)));
  EXPECT_FALSE(Compatible(Type::Sequence(f), Type::Sequence(Type::Tensor(DataType::kInt32))));
  EXPECT_FALSE(Compatible(Type::Map(DataType::kString, f), Type::Map(DataType::kInt64, f)));
}

}  // namespace
}  // namespace sardonyx::ir
