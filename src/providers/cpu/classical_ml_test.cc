// ai.onnx.ml bindings: what attributes mean, and which of them are refused.
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

#include "providers/cpu/kernel_test_util.h"

namespace sardonyx::cpu {
namespace {

using Attributes = std::vector<ir::Attribute>;
using Floats = std::vector<float>;
using Ints = std::vector<int64_t>;
using Strings = std::vector<std::string>;

constexpr std::string_view kMl = "ai.onnx.ml";

StatusOr<std::vector<Value>> RunMl(std::string_view op, int64_t version, Attributes attributes, const Value& x, size_t outputs = 1) {
  return testing::RunOperator(kMl, op, version, std::move(attributes), {x}, outputs);
}

Floats FloatsOf(const Value& value) {
  const auto data = value.tensor().data<float>();
  return Floats(data.begin(), data.end());
}

// One stump on feature 0: x <= 1 ? a : b, whose leaves speak of `target`.
Attributes Stump(const std::string& prefix, int64_t target, float a, float b) {
  return {{"nodes_treeids", Ints{0, 0, 0}},
          {"nodes_nodeids", Ints{0, 1, 2}},
          {"nodes_featureids", Ints{0, 0, 0}},
          {"nodes_values", Floats{1, 0, 0}},
          {"nodes_modes", Strings{"BRANCH_LEQ", "LEAF", "LEAF"}},
          {"nodes_truenodeids", Ints{1, 0, 0}},
          {"nodes_falsenodeids", Ints{2, 0, 0}},
          {prefix + "_treeids", Ints{0, 0}},
          {prefix + "_nodeids", Ints{1, 2}},
          {prefix + "_ids", Ints{target, target}},
          {prefix + "_weights", Floats{a, b}}};
}

Attributes With(Attributes attributes, Attributes more) {
  for (ir::Attribute& attribute : more) {
    std::erase_if(attributes, [&](const ir::Attribute& old) { return old.name == attribute.name; });
    attributes.push_back(std::move(attribute));
  }
  return attributes;
}

const Value kTwoRows = Tensor::From<float>({2, 1}, {0, 2});

TEST(TreeBindings, TwoClassesOfOneScore) {
  StatusOr<std::vector<Value>> out =
      RunMl("TreeEnsembleClassifier", 1, With(Stump("class", 0, 0.2f, 0.7f), {{"classlabels_strings", Strings{"no", "yes"}}}), kTwoRows, 2);
  ASSERT_TRUE(out.ok()) << out.status().ToString();
  EXPECT_EQ((*out)[0].tensor().data<std::string>()[0], "no");
  EXPECT_EQ((*out)[0].tensor().data<std::string>()[1], "yes");
  const Floats scores = FloatsOf((*out)[1]);
  EXPECT_FLOAT_EQ(scores[0], 0.8f);
  EXPECT_FLOAT_EQ(scores[1], 0.2f);
  // A negative weight makes margins of them.
  out = RunMl("TreeEnsembleClassifier", 1, With(Stump("class", 0, -0.2f, 0.7f), {{"classlabels_int64s", Ints{5, 7}}}), kTwoRows, 2);
  ASSERT_TRUE(out.ok());
  EXPECT_EQ((*out)[0].tensor().data<int64_t>()[0], 5);
  EXPECT_FLOAT_EQ(FloatsOf((*out)[1])[0], 0.2f);
  EXPECT_FLOAT_EQ(FloatsOf((*out)[1])[1], -0.2f);
}

TEST(TreeBindings, RegressorAddsBasesAndAverages) {
  StatusOr<std::vector<Value>> out =
      RunMl("TreeEnsembleRegressor", 1,
            With(Stump("target", 0, 1, 3), {{"base_values", Floats{10}}, {"aggregate_function", std::string("AVERAGE")}}), kTwoRows);
  ASSERT_TRUE(out.ok()) << out.status().ToString();
  EXPECT_EQ(FloatsOf((*out)[0]), (Floats{11, 13}));
}

TEST(TreeBindings, BrokenForestsAreRefused) {
  const Attributes good = With(Stump("target", 0, 1, 3), {{"n_targets", int64_t{1}}});
  ASSERT_TRUE(RunMl("TreeEnsembleRegressor", 1, good, kTwoRows).ok());
  for (const Attributes& bad : std::vector<Attributes>{{{"nodes_truenodeids", Ints{0, 0, 0}}},
                                                       {{"nodes_truenodeids", Ints{9, 0, 0}}},
                                                       {{"nodes_nodeids", Ints{0, 1, 1}}},
                                                       {{"nodes_values", Floats{1}}},
                                                       {{"nodes_modes", Strings{"BRANCH_X", "LEAF", "LEAF"}}},
                                                       {{"nodes_featureids", Ints{-1, 0, 0}}},
                                                       {{"nodes_featureids", Ints{1, 0, 0}}},  // the input has one feature
                                                       {{"target_ids", Ints{0, 1}}},
                                                       {{"target_ids", Ints{0, -1}}},
                                                       {{"target_nodeids", Ints{1, 5}}},
                                                       {{"target_weights", Floats{1}}},
                                                       {{"n_targets", int64_t{0}}},
                                                       {{"base_values", Floats{1, 2}}},
                                                       {{"aggregate_function", std::string("MEDIAN")}},
                                                       {{"post_transform", std::string("SQUARE")}}}) {
    StatusOr<std::vector<Value>> out = RunMl("TreeEnsembleRegressor", 1, With(good, bad), kTwoRows);
    EXPECT_EQ(out.status().code(), StatusCode::kInvalid) << bad[0].name;
  }
}

TEST(LinearBindings, SizesMustAgree) {
  const Value x = Tensor::From<float>({1, 2}, {1, 2});
  EXPECT_EQ(FloatsOf((*RunMl("LinearRegressor", 1, {{"coefficients", Floats{3, 4}}, {"intercepts", Floats{1}}}, x))[0]), (Floats{12}));
  EXPECT_FALSE(RunMl("LinearRegressor", 1, {{"coefficients", Floats{3, 4, 5}}}, x).ok());
  EXPECT_FALSE(RunMl("LinearRegressor", 1, {{"coefficients", Floats{3, 4}}, {"targets", int64_t{-1}}}, x).ok());
  EXPECT_FALSE(RunMl("LinearClassifier", 1, {{"coefficients", Floats{3, 4}}, {"intercepts", Floats{1}}}, x, 2).ok());
  EXPECT_FALSE(RunMl("SVMRegressor", 1,
                     {{"coefficients", Floats{1}}, {"rho", Floats{0}}, {"n_supports", int64_t{2}}, {"support_vectors", Floats{1, 2, 3}}}, x)
                   .ok());
  EXPECT_FALSE(RunMl("SVMClassifier", 1,
                     {{"coefficients", Floats{1}},
                      {"rho", Floats{0}},
                      {"vectors_per_class", Ints{1, INT64_MAX}},
                      {"support_vectors", Floats{1, 2}},
                      {"classlabels_ints", Ints{0, 1}}},
                     x, 2)
                   .ok());
}

TEST(TableBindings, LabelEncoderFindsNaN) {
  const Value x = Tensor::From<float>({3}, {1.f, std::numeric_limits<float>::quiet_NaN(), 2.f});
  StatusOr<std::vector<Value>> out =
      RunMl("LabelEncoder", 2,
            {{"keys_floats", Floats{1, std::numeric_limits<float>::quiet_NaN()}}, {"values_strings", Strings{"one", "nan"}}}, x);
  ASSERT_TRUE(out.ok()) << out.status().ToString();
  EXPECT_EQ((*out)[0].tensor().data<std::string>()[1], "nan");
  EXPECT_EQ((*out)[0].tensor().data<std::string>()[2], "_Unused");
  EXPECT_FALSE(RunMl("LabelEncoder", 2, {{"keys_floats", Floats{1, 2}}, {"values_int64s", Ints{1}}}, x).ok());
  EXPECT_FALSE(RunMl("LabelEncoder", 2, {{"keys_strings", Strings{"a"}}, {"values_int64s", Ints{1}}}, x).ok());
}

TEST(MapBindings, CastMapAndDictVectorizer) {
  const Value map = Value::Map(Tensor::From<int64_t>({2}, {3, 1}), Tensor::From<float>({2}, {30, 10}));
  EXPECT_EQ(FloatsOf((*RunMl("CastMap", 1, {}, map))[0]), (Floats{10, 30}));
  EXPECT_EQ(FloatsOf((*RunMl("CastMap", 1, {{"map_form", std::string("SPARSE")}, {"max_map", int64_t{4}}}, map))[0]),
            (Floats{0, 10, 0, 30}));
  EXPECT_FALSE(RunMl("CastMap", 1, {{"map_form", std::string("SPARSE")}, {"max_map", int64_t{2}}}, map).ok());
  EXPECT_EQ((*RunMl("CastMap", 1, {{"cast_to", std::string("TO_STRING")}}, map))[0].tensor().data<std::string>()[0], "10");
  EXPECT_EQ(FloatsOf((*RunMl("DictVectorizer", 1, {{"int64_vocabulary", Ints{1, 2, 3}}}, map))[0]), (Floats{10, 0, 30}));
  EXPECT_FALSE(RunMl("DictVectorizer", 1, {{"string_vocabulary", Strings{"a"}}}, map).ok());
}

TEST(FeatureBindings, ColumnsAndCategories) {
  const Value x = Tensor::From<float>({1, 2}, {1, 2});
  EXPECT_EQ(FloatsOf((*RunMl("Scaler", 1, {{"offset", Floats{1, 0}}, {"scale", Floats{2}}}, x))[0]), (Floats{0, 4}));
  EXPECT_FALSE(RunMl("Scaler", 1, {{"offset", Floats{1, 0, 0}}}, x).ok());
  EXPECT_EQ(FloatsOf((*RunMl("OneHotEncoder", 1, {{"cats_int64s", Ints{2, 5}}}, x))[0]), (Floats{0, 0, 1, 0}));
  EXPECT_EQ(FloatsOf((*RunMl("OneHotEncoder", 1, {{"cats_int64s", Ints{2, 5, 2}}}, x))[0]), (Floats{0, 0, 0, 0, 0, 1}));
  EXPECT_FALSE(RunMl("OneHotEncoder", 1, {{"cats_int64s", Ints{2, 5}}, {"zeros", int64_t{0}}}, x).ok());
  EXPECT_FALSE(RunMl("OneHotEncoder", 1, {{"cats_strings", Strings{"a"}}}, x).ok());
  EXPECT_FALSE(testing::RunOperator(kMl, "ArrayFeatureExtractor", 1, {}, {x, Tensor::From<int64_t>({1}, {2})}).ok());
  EXPECT_FALSE(RunMl("FeatureVectorizer", 1, {{"inputdimensions", Ints{-1}}}, x).ok());
}

}  // namespace
}  // namespace sardonyx::cpu
