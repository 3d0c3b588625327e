#include "sardonyx/session.h"

#include <gtest/gtest.h>

#include <thread>

#include <fmt/format.h>

#include "ir/text.h"

namespace sardonyx {
namespace {

Model FromText(std::string_view text) {
  auto model = ir::ParseText(text);
  EXPECT_TRUE(model.ok()) << model.status().ToString();
  return Model(std::shared_ptr<const ir::Model>(*std::move(model)));
}

Session MakeSession(std::string_view text, const SessionOptions& options = {}) {
  StatusOr<Session> session = Session::Create(FromText(text), options);
  EXPECT_TRUE(session.ok()) << session.status().ToString();
  return *std::move(session);
}

std::vector<float> Floats(const Value& value) {
  const auto data = value.tensor().data<float>();
  return {data.begin(), data.end()};
}

constexpr char kChain[] = R"(<ir_version: 8, opset_import: ["" : 18]>
g (float[n, 4] x, float[4] b) => (float[n, 4] y) {
  a = Add(x, b)
  c = Relu(a)
  d = Mul(c, c)
  e = Sub(d, x)
  y = Add(e, b)
})";

std::vector<float> ChainReference(const std::vector<float>& x, const std::vector<float>& b) {
  std::vector<float> y(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const float c = std::max(0.0f, x[i] + b[i % 4]);
    y[i] = c * c - x[i] + b[i % 4];
  }
  return y;
}

TEST(Session, DynamicShapesAreRightOnTheFirstAndOnPlannedRuns) {
  const Session session = MakeSession(kChain);
  const std::vector<float> b = {1, -2, 3, -4};
  // Each size three times, interleaved: recorded once, planned afterwards.
  for (int round = 0; round < 3; ++round) {
    for (int64_t n : {1, 7, 0, 128}) {
      std::vector<float> x(static_cast<size_t>(n * 4));
      for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 11) - 5;
      const auto result = session.Run({{"x", Tensor::From<float>({n, 4}, x)}, {"b", Tensor::From<float>({4}, b)}});
      ASSERT_TRUE(result.ok()) << result.status().ToString();
      EXPECT_EQ(Floats((*result)[0]), ChainReference(x, b)) << "n " << n << ", round " << round;
    }
  }
}

TEST(Session, OutputsOutliveTheSessionAndLaterRuns) {
  Value kept;
  {
    const Session session = MakeSession(kChain);
    const Tensor b = Tensor::From<float>({4}, {1.0f, 2.0f, 3.0f, 4.0f});
    auto first = session.Run({{"x", Tensor::From<float>({1, 4}, {1.0f, 1.0f, 1.0f, 1.0f})}, {"b", b}});
    ASSERT_TRUE(first.ok());
    kept = (*first)[0];
    ASSERT_TRUE(session.Run({{"x", Tensor::From<float>({1, 4}, {9.0f, 9.0f, 9.0f, 9.0f})}, {"b", b}}).ok());
  }
  EXPECT_EQ(Floats(kept), (std::vector<float>{4, 10, 18, 28}));
}

TEST(Session, RunsFromManyThreadsAtOnce) {
  const Session session = MakeSession(kChain);
  const std::vector<float> b = {1, -2, 3, -4};
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const int64_t n = 1 + (t * 7 + i) % 5;
        std::vector<float> x(static_cast<size_t>(n * 4), static_cast<float>(t - 2));
        const auto result = session.Run({{"x", Tensor::From<float>({n, 4}, x)}, {"b", Tensor::From<float>({4}, b)}});
        if (!result.ok() || Floats((*result)[0]) != ChainReference(x, b)) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Session, StaticShapesArePlannedAtLoad) {
  const Session session = MakeSession(R"(<ir_version: 8, opset_import: ["" : 18]>
g (float[16] x) => (float[16] y) { a = Relu(x)  b = Neg(a)  c = Abs(b)  y = Sqrt(c) })");
  EXPECT_GE(session.planned_memory(), 64);
  EXPECT_LE(session.planned_memory(), 2 * 64) << "at most two of the intermediate results live at once";
  EXPECT_EQ(MakeSession(kChain).planned_memory(), -1);
}

TEST(Session, ControlFlowSeesOuterValues) {
  const Session session = MakeSession(R"(<ir_version: 8, opset_import: ["" : 18]>
g (bool[] c, float[2] x, int64 n) => (float[2] y, float[2] z, float[k, 2] all) {
  w = Add(x, x)
  y = If(c) <then_branch = t () => (float[2] a) { a = Add(w, x) }, else_branch = e () => (float[2] b) { b = Identity(w) }>
  cond = Constant<value = bool {1}>()
  z, all = Loop(n, cond, x) <body = l (int64[] i, bool[] go, float[2] s) => (bool[] keep, float[2] next, float[2] seen) {
    keep = Identity(go)
    next = Add(s, w)
    seen = Identity(next)
  }>
})");
  const auto result =
      session.Run({{"c", Tensor::Scalar<bool>(true)}, {"x", Tensor::From<float>({2}, {1.0f, 2.0f})}, {"n", Tensor::Scalar<int64_t>(3)}});
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(Floats((*result)[0]), (std::vector<float>{3, 6}));
  EXPECT_EQ(Floats((*result)[1]), (std::vector<float>{7, 14}));
  EXPECT_EQ(Floats((*result)[2]), (std::vector<float>{3, 6, 5, 10, 7, 14}));
  EXPECT_EQ((*result)[2].tensor().dims(), (Dims{3, 2}));
}

TEST(Session, ModelFunctionsAreInlinedWithTheirAttributes) {
  const Session session = MakeSession(R"(<ir_version: 9, opset_import: ["" : 18, "my" : 1]>
g (float[2] x) => (float[2] y, float[2] z) { y = my.Leak<slope = 0.5>(x)  z = my.Twice(x) }
<domain: "my", opset_import: ["" : 18]> Leak <slope: float = 0.1> (a) => (b) { b = LeakyRelu<alpha: float = @slope>(a) }
<domain: "my", opset_import: ["" : 18, "my" : 1]> Twice (a) => (b) { c = my.Leak(a)  b = Add(c, c) })");
  const auto result = session.Run({{"x", Tensor::From<float>({2}, {4.0f, -4.0f})}});
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(Floats((*result)[0]), (std::vector<float>{4, -2}));
  EXPECT_FLOAT_EQ(Floats((*result)[1])[1], -0.8f);
}

TEST(Session, AFunctionThatCallsItselfIsRefused) {
  const auto session = Session::Create(FromText(R"(<ir_version: 9, opset_import: ["" : 18, "my" : 1]>
g (float[2] x) => (float[2] y) { y = my.F(x) }
<domain: "my", opset_import: ["" : 18, "my" : 1]> F (a) => (b) { b = my.F(a) })"));
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.status().code(), StatusCode::kInvalid);
}

TEST(Session, UnsupportedNodesAreAllListed) {
  const auto session = Session::Create(FromText(R"(<ir_version: 8, opset_import: ["" : 18, "com.example" : 1]>
g (float[2] x) => (float[2] y) { a = com.example.Foo(x)  b = com.example.Bar(a)  y = com.example.Foo(b) })"));
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.status().code(), StatusCode::kUnsupported);
  EXPECT_NE(session.status().message().find("Foo"), std::string::npos);
  EXPECT_NE(session.status().message().find("Bar"), std::string::npos);
}

TEST(Session, WrongInputsAreUsageErrors) {
  const Session session = MakeSession(kChain);
  const Tensor b = Tensor::From<float>({4}, {1.0f, 2.0f, 3.0f, 4.0f});
  const Tensor x = Tensor::From<float>({1, 4}, {1.0f, 1.0f, 1.0f, 1.0f});
  const std::vector<std::vector<Session::NamedValue>> wrong = {
      {{"x", x}},                                                       // one is missing
      {{"x", x}, {"b", b}, {"q", b}},                                   // no such input
      {{"x", x}, {"b", b}, {"b", b}},                                   // twice
      {{"x", x}, {"b", Tensor::From<int64_t>({4}, {1, 2, 3, 4})}},      // dtype
      {{"x", x}, {"b", Tensor::From<float>({3}, {1.0f, 2.0f, 3.0f})}},  // shape
      {{"x", b}, {"b", b}},                                             // rank
      {{"x", Value(Value::Sequence{x})}, {"b", b}},                     // kind
  };
  for (const auto& inputs : wrong) {
    const auto result = session.Run(inputs);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.status().code(), StatusCode::kUsage) << result.status().ToString();
  }
}

// A loop that would run for ages.
constexpr char kEndless[] = R"(<ir_version: 8, opset_import: ["" : 18]>
g (float[1024] x) => (float[1024] y) {
  n = Constant<value = int64 {1000000000}>()
  t = Constant<value = bool {1}>()
  y = Loop(n, t, x) <body = l (int64[] i, bool[] go, float[1024] s) => (bool[] keep, float[1024] next) { keep = Identity(go)  next = Relu(s) }>
})";

TEST(Session, TimeLimitStopsALoop) {
  const Session session = MakeSession(kEndless);
  RunOptions options;
  options.time_limit = std::chrono::milliseconds(20);
  const auto result = session.Run({{"x", *Tensor::Allocate(DataType::kFloat, {1024})}}, options);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kDeadline);
}

TEST(Session, CancellationStopsALoop) {
  const Session session = MakeSession(kEndless);
  auto token = std::make_shared<CancellationToken>();
  RunOptions options;
  options.cancellation = token;
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    token->Cancel();
  });
  const auto result = session.Run({{"x", *Tensor::Allocate(DataType::kFloat, {1024})}}, options);
  other.join();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kCancelled);
}

TEST(Session, MemoryLimitIsAnErrorNotACrash) {
  SessionOptions options;
  options.memory_limit = 1 << 20;
  const Session session = MakeSession(R"(<ir_version: 8, opset_import: ["" : 18]>
g (int64[2] shape) => (float[a, b] y) { y = ConstantOfShape(shape) })",
                                      options);
  EXPECT_TRUE(session.Run({{"shape", Tensor::From<int64_t>({2}, {10, 10})}}).ok());
  const auto result = session.Run({{"shape", Tensor::From<int64_t>({2}, {1 << 20, 1 << 20})}});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kResource) << result.status().ToString();
  EXPECT_TRUE(session.Run({{"shape", Tensor::From<int64_t>({2}, {10, 10})}}).ok()) << "the limit counts live memory only";
}

TEST(Session, ALyingTypeDoesNotReachAKernel) {
  // The file says that `a` is double; it is float. No kernel may read it as double.
  const auto session = Session::Create(FromText(R"(<ir_version: 8, opset_import: ["" : 18]>
g (float[4] x, double[4] z) => (double[4] y) <double[4] a> { a = Relu(x)  y = Add(a, z) })"));
  if (!session.ok()) return;  // refused at once: good too
  const auto result = session->Run({{"x", *Tensor::Allocate(DataType::kFloat, {4})}, {"z", *Tensor::Allocate(DataType::kDouble, {4})}});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kInvalid);
}

TEST(Session, InputsWithDefaultsMayBeLeftOut) {
  const Session session = MakeSession(R"(<ir_version: 8, opset_import: ["" : 18]>
g (float[2] x, float[2] b = {10, 20}) => (float[2] y) { y = Add(x, b) })");
  const Tensor x = Tensor::From<float>({2}, {1.0f, 2.0f});
  auto with_default = session.Run({{"x", x}});
  ASSERT_TRUE(with_default.ok()) << with_default.status().ToString();
  EXPECT_EQ(Floats((*with_default)[0]), (std::vector<float>{11, 22}));
  auto given = session.Run({{"x", x}, {"b", x}});
  ASSERT_TRUE(given.ok());
  EXPECT_EQ(Floats((*given)[0]), (std::vector<float>{2, 4}));
  EXPECT_EQ(Floats((*session.Run({{"x", x}}))[0]), (std::vector<float>{11, 22})) << "the default comes back";
}

TEST(Session, ChosenOutputsComeInTheOrderAskedFor) {
  const Session session = MakeSession(R"(<ir_version: 8, opset_import: ["" : 18]>
g (float[1] x) => (float[1] a, float[1] b) { a = Neg(x)  b = Add(x, x) })");
  RunOptions options;
  options.outputs = {"b", "a"};
  const auto result = session.Run({{"x", Tensor::From<float>({1}, {3.0f})}}, options);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(Floats((*result)[0]), std::vector<float>{6});
  EXPECT_EQ(Floats((*result)[1]), std::vector<float>{-3});
}

TEST(Session, BeforeIr4InitializersAreNoInputs) {
  static constexpr char kText[] = R"(<ir_version: {}, opset_import: ["" : 8]>
g (float[2] x, float[2] w = {{1, 2}}) => (float[2] y) {{ y = Add(x, w) }})";
  EXPECT_EQ(MakeSession(fmt::format(kText, 3)).inputs().size(), 1u);
  EXPECT_EQ(MakeSession(fmt::format(kText, 4)).inputs().size(), 2u);
}

TEST(Session, AnyByteButZeroIsTrue) {
  const Session session = MakeSession(R"(<ir_version: 8, opset_import: ["" : 18]>
g (bool[3] x) => (bool[3] y) { y = Not(x) })");
  StatusOr<Tensor> x = Tensor::Allocate(DataType::kBool, {3});
  auto* bytes = static_cast<uint8_t*>(x->mutable_raw_data());
  bytes[0] = 0, bytes[1] = 1, bytes[2] = 255;
  const auto result = session.Run({{"x", *x}});
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  const auto* y = static_cast<const uint8_t*>((*result)[0].tensor().raw_data());
  EXPECT_EQ(std::vector<int>(y, y + 3), (std::vector<int>{1, 0, 0}));
}

TEST(Session, RunsInOrderAndWritesAgainWhatNobodyHolds) {
  Session session = MakeSession(kChain);
  const std::vector<Value> inputs = {Tensor::From<float>({2, 4}, {1, -2, 3, -4, 5, 6, -7, 8}), Tensor::From<float>({4}, {1, 2, 3, 4})};
  const auto expected = session.Run({{"x", inputs[0]}, {"b", inputs[1]}});
  ASSERT_TRUE(expected.ok());
  std::vector<Value> outputs;
  const void* memory = nullptr;
  for (int run = 0; run < 4; ++run) {
    ASSERT_TRUE(session.RunInOrder(inputs, &outputs).ok());
    ASSERT_EQ(outputs.size(), 1u);
    EXPECT_EQ(Floats(outputs[0]), Floats((*expected)[0]));
    if (run > 1) EXPECT_EQ(outputs[0].tensor().raw_data(), memory);
    memory = outputs[0].tensor().raw_data();
  }
  const Value kept = outputs[0];
  const std::vector<Value> others = {Tensor::From<float>({2, 4}, {9, 9, 9, 9, 9, 9, 9, 9}), inputs[1]};
  ASSERT_TRUE(session.RunInOrder(others, &outputs).ok());
  EXPECT_NE(outputs[0].tensor().raw_data(), kept.tensor().raw_data());
  EXPECT_EQ(Floats(kept), Floats((*expected)[0]));
}

TEST(Session, RunInOrderSaysWhatIsWrong) {
  Session session = MakeSession(kChain);
  std::vector<Value> outputs;
  const Value x = Tensor::From<float>({2, 4}, std::vector<float>(8, 1)), b = Tensor::From<float>({4}, {1, 2, 3, 4});
  EXPECT_EQ(session.RunInOrder(std::vector<Value>{x}, &outputs).code(), StatusCode::kUsage);
  EXPECT_EQ(session.RunInOrder(std::vector<Value>{x, Value()}, &outputs).code(), StatusCode::kUsage);
  EXPECT_EQ(session.RunInOrder(std::vector<Value>{b, x}, &outputs).code(), StatusCode::kUsage);
  EXPECT_TRUE(session.RunInOrder(std::vector<Value>{x, b}, &outputs).ok());
}

TEST(Session, DenormalsCountAsZeroWhenAskedTo) {
  constexpr char kTiny[] = R"(<ir_version: 8, opset_import: ["" : 18]>
g (float[n] x) => (float[n] y) { y = Mul(x, x) })";
  const Value x = Tensor::From<float>({1}, {1e-20f});
  SessionOptions options;
  for (const bool flush : {false, true}) {
    options.flush_denormals = flush;
    const auto y = MakeSession(kTiny, options).Run({{"x", x}});
    ASSERT_TRUE(y.ok());
    EXPECT_EQ(Floats((*y)[0])[0] == 0, flush);
  }
  volatile float tiny = 1e-20f;
  EXPECT_NE(tiny * tiny, 0) << "the caller's own arithmetic stays as it was";
}

}  // namespace
}  // namespace sardonyx
