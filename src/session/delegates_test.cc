// Other engines as providers, where the machine has them: $SARDONYX_ONNXRUNTIME and $SARDONYX_OPENVINO name their libraries.
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "ir/text.h"
#include "sardonyx/session.h"

namespace sardonyx {
namespace {

class Delegates : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string variable = std::string(GetParam()) == "openvino" ? "SARDONYX_OPENVINO" : "SARDONYX_ONNXRUNTIME";
    if (!std::getenv(variable.c_str())) GTEST_SKIP() << variable << " is not set";
  }
  static StatusOr<Session> Make(std::string_view text, std::vector<std::string> providers) {
    auto model = ir::ParseText(text);
    if (!model.ok()) return model.status();
    SessionOptions options;
    options.threads = 2;
    options.providers = std::move(providers);
    return Session::Create(Model(std::shared_ptr<const ir::Model>(*std::move(model))), options);
  }
};

constexpr char kNetwork[] = R"(<ir_version: 8, opset_import: ["" : 18]>
g (float[n,4] x) => (float[n,3] y, float[n,3] s)
<float[4,3] w = {1, 0.5, -1, 2, -0.25, 0.75, -3, 1, 0, 0.125, 1, 1}, float[3] b = {0.5, -0.5, 1}> {
  h = MatMul(x, w)
  i = Add(h, b)
  y = Relu(i)
  s = Softmax<axis = -1>(i)
})";

Value Input(int64_t n) {
  std::vector<float> x(static_cast<size_t>(n * 4));
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 7) - 3;
  return Tensor::From<float>({n, 4}, x);
}

void ExpectClose(const std::vector<Value>& a, const std::vector<Value>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].tensor().dims(), b[i].tensor().dims());
    for (int64_t k = 0; k < a[i].tensor().num_elements(); ++k)
      EXPECT_NEAR(a[i].tensor().data<float>()[k], b[i].tensor().data<float>()[k], 1e-5) << i << " " << k;
  }
}

TEST_P(Delegates, WholeModels) {
  const auto ours = Make(kNetwork, {"cpu"}), theirs = Make(kNetwork, {GetParam()});
  ASSERT_TRUE(ours.ok()) << ours.status().ToString();
  ASSERT_TRUE(theirs.ok()) << theirs.status().ToString();
  const auto placement = theirs->Placement();
  ASSERT_EQ(placement.size(), 1u);
  EXPECT_EQ(placement[0].provider, GetParam());
  for (const int64_t n : {1, 5}) {
    const auto expected = ours->Run({{"x", Input(n)}}), found = theirs->Run({{"x", Input(n)}});
    ASSERT_TRUE(found.ok()) << found.status().ToString();
    ExpectClose(*found, *expected);
  }
}

TEST_P(Delegates, RunFromManyThreadsAtOnce) {
  const auto ours = Make(kNetwork, {"cpu"}), theirs = Make(kNetwork, {GetParam()});
  ASSERT_TRUE(theirs.ok()) << theirs.status().ToString();
  std::vector<std::thread> threads;
  for (int64_t n = 1; n <= 4; ++n)
    threads.emplace_back([&, n] {
      const auto expected = ours->Run({{"x", Input(n)}});
      for (int i = 0; i < 20; ++i) {
        const auto found = theirs->Run({{"x", Input(n)}});
        ASSERT_TRUE(found.ok()) << found.status().ToString();
        ExpectClose(*found, *expected);
      }
    });
  for (std::thread& thread : threads) thread.join();
}

TEST_P(Delegates, WhatTheyDoNotTakeFallsBack) {
  // Sequences are not handed over.
  constexpr char kSequence[] = R"(<ir_version: 8, opset_import: ["" : 18]>
g (float[2,4] x) => (float[4,4] y) {
  a = Neg(x)
  b = Abs(a)
  s = SequenceConstruct(a, b)
  c = ConcatFromSequence<axis = 0>(s)
  y = Relu(c)
})";
  const auto ours = Make(kSequence, {"cpu"}), theirs = Make(kSequence, {GetParam(), "cpu"});
  ASSERT_TRUE(theirs.ok()) << theirs.status().ToString();
  const Value x = Input(2);
  const auto expected = ours->Run({{"x", x}}), found = theirs->Run({{"x", x}});
  ASSERT_TRUE(found.ok()) << found.status().ToString();
  ExpectClose(*found, *expected);
  bool on_cpu = false, on_theirs = false;
  for (const NodePlacement& one : theirs->Placement()) {
    on_cpu = on_cpu || one.provider == "cpu";
    on_theirs = on_theirs || one.provider == GetParam();
  }
  EXPECT_TRUE(on_cpu && on_theirs);
  // Nobody left to take it: said, with the reason.
  const auto alone = Make(kSequence, {GetParam()});
  EXPECT_EQ(alone.status().code(), StatusCode::kUnsupported);
  EXPECT_NE(alone.status().message().find("only tensors are handed over"), std::string::npos) << alone.status().message();
}

INSTANTIATE_TEST_SUITE_P(All, Delegates, testing::Values("onnxruntime", "openvino"));

}  // namespace
}  // namespace sardonyx
