// Which operator is inferred by which function. Functions serve every version of their operators: where versions differ,
// they ask the schema (context.schema()).
#include <span>
#include <string_view>
#include <unordered_map>

#include "ops/custom_schemas.h"
#include "ops/infer/families.h"

namespace sardonyx::ops {
namespace infer {
namespace {

struct Row {
  std::string_view op_type;
  Status (*function)(InferenceContext&);
};

constexpr Row kOnnx[] = {
    // Element by element, one input.
    {"Acos", InferSameType},
    {"Acosh", InferSameType},
    {"Asin", InferSameType},
    {"Asinh", InferSameType},
    {"Atan", InferSameType},
    {"Atanh", InferSameType},
    {"BitwiseNot", InferSameType},
    {"Celu", InferSameType},
    {"Cos", InferSameType},
    {"Cosh", InferSameType},
    {"Elu", InferSameType},
    {"Erf", InferSameType},
    {"Exp", InferSameType},
    {"Gelu", InferSameType},
    {"HardSigmoid", InferSameType},
    {"HardSwish", InferSameType},
    {"LeakyRelu", InferSameType},
    {"Log", InferSameType},
    {"Mish", InferSameType},
    {"Reciprocal", InferSameType},
    {"Relu", InferSameType},
    {"Selu", InferSameType},
    {"Shrink", InferSameType},
    {"Sigmoid", InferSameType},
    {"Sin", InferSameType},
    {"Sinh", InferSameType},
    {"Softplus", InferSameType},
    {"Softsign", InferSameType},
    {"Sqrt", InferSameType},
    {"Swish", InferSameType},
    {"Tan", InferSameType},
    {"Tanh", InferSameType},
    {"ThresholdedRelu", InferSameType},
    {"Abs", InferAbs},
    {"Ceil", InferRounding},
    {"Floor", InferRounding},
    {"Identity", InferIdentity},
    {"IsInf", InferSameShape},
    {"IsNaN", InferSameShape},
    {"Neg", InferNeg},
    {"Not", InferNot},
    {"Round", InferRounding},
    {"Sign", InferSign},
    {"Cast", InferCast},
    {"CastLike", InferCastLike},
    {"BitCast", InferBitCast},
    {"Clip", InferClip},

    // Element by element, several inputs.
    {"Add", InferAdd},
    {"And", InferAnd},
    {"BitShift", InferBinary},
    {"BitwiseAnd", InferBinary},
    {"BitwiseOr", InferBinary},
    {"BitwiseXor", InferBinary},
    {"Div", InferDiv},
    {"Equal", InferEqual},
    {"Greater", InferGreater},
    {"GreaterOrEqual", InferGreaterOrEqual},
    {"Less", InferLess},
    {"LessOrEqual", InferLessOrEqual},
    {"Max", InferMax},
    {"Mean", InferMean},
    {"Min", InferMin},
    {"Mod", InferMod},
    {"Mul", InferMul},
    {"Or", InferOr},
    {"PRelu", InferPRelu},
    {"Pow", InferBinary},
    {"Sub", InferSub},
    {"Sum", InferSum},
    {"SwiGLU", InferSwiGlu},
    {"Where", InferWhere},
    {"Xor", InferBinary},

    // Along axes.
    {"ArgMax", InferArgReduce},
    {"ArgMin", InferArgReduce},
    {"CumProd", InferCumulative},
    {"CumSum", InferCumulative},
    {"Hardmax", InferAlongAxis},
    {"LogSoftmax", InferAlongAxis},
    {"LpNormalization", InferAlongAxis},
    {"ReduceL1", InferReduce},
    {"ReduceL2", InferReduce},
    {"ReduceLogSum", InferReduce},
    {"ReduceLogSumExp", InferReduce},
    {"ReduceMax", InferReduceMax},
    {"ReduceMean", InferReduce},
    {"ReduceMin", InferReduceMin},
    {"ReduceProd", InferReduceProd},
    {"ReduceSum", InferReduceSum},
    {"ReduceSumSquare", InferReduce},
    {"Softmax", InferAlongAxis},
    {"TopK", InferTopK},

    // Shapes.
    {"Expand", InferExpand},
    {"Flatten", InferFlatten},
    {"Reshape", InferReshape},
    {"Shape", InferShape},
    {"Size", InferSize},
    {"Squeeze", InferSqueeze},
    {"Transpose", InferTranspose},
    {"Unsqueeze", InferUnsqueeze},

    // Joining, cutting, picking and placing.
    {"CenterCropPad", InferCenterCropPad},
    {"Col2Im", InferCol2Im},
    {"Compress", InferCompress},
    {"Concat", InferConcat},
    {"DepthToSpace", InferDepthToSpace},
    {"Gather", InferGather},
    {"GatherElements", InferGatherElements},
    {"GatherND", InferGatherND},
    {"NonZero", InferNonZero},
    {"OneHot", InferOneHot},
    {"Pad", InferPad},
    {"ReverseSequence", InferReverseSequence},
    {"Scatter", InferScatterElements},
    {"ScatterElements", InferScatterElements},
    {"ScatterND", InferScatterND},
    {"Slice", InferSlice},
    {"SpaceToDepth", InferSpaceToDepth},
    {"Split", InferSplit},
    {"TensorScatter", InferTensorScatter},
    {"Tile", InferTile},
    {"Trilu", InferTrilu},
    {"Unique", InferUnique},

    // Neural networks.
    {"Attention", InferAttention},
    {"AveragePool", InferPool},
    {"BatchNormalization", InferBatchNormalization},
    {"CausalConvWithState", InferCausalConvWithState},
    {"Conv", InferConv},
    {"ConvInteger", InferConvInteger},
    {"ConvTranspose", InferConvTranspose},
    {"DeformConv", InferDeformConv},
    {"Dropout", InferDropout},
    {"GRU", InferRecurrent},
    {"GlobalAveragePool", InferGlobalPool},
    {"GlobalLpPool", InferGlobalPool},
    {"GlobalMaxPool", InferGlobalPool},
    {"GroupNormalization", InferSameType},
    {"InstanceNormalization", InferInstanceNormalization},
    {"LRN", InferSameType},
    {"LSTM", InferRecurrent},
    {"LayerNormalization", InferLayerNormalization},
    {"LinearAttention", InferLinearAttention},
    {"LpPool", InferPool},
    {"MaxPool", InferPool},
    {"MaxRoiPool", InferMaxRoiPool},
    {"MaxUnpool", InferMaxUnpool},
    {"MeanVarianceNormalization", InferSameType},
    {"NegativeLogLikelihoodLoss", InferNegativeLogLikelihoodLoss},
    {"RMSNormalization", InferRmsNormalization},
    {"RNN", InferRecurrent},
    {"RoiAlign", InferRoiAlign},
    {"RotaryEmbedding", InferRotaryEmbedding},
    {"SoftmaxCrossEntropyLoss", InferSoftmaxCrossEntropyLoss},

    // Matrices.
    {"Det", InferDet},
    {"Einsum", InferEinsum},
    {"Gemm", InferGemm},
    {"MatMul", InferMatMul},
    {"MatMulInteger", InferMatMulInteger},

    // Quantization.
    {"DequantizeLinear", InferDequantizeLinear},
    {"DynamicQuantizeLinear", InferDynamicQuantizeLinear},
    {"QLinearConv", InferQLinearConv},
    {"QLinearMatMul", InferQLinearMatMul},
    {"QuantizeLinear", InferQuantizeLinear},

    // Pictures and signals.
    {"AffineGrid", InferAffineGrid},
    {"DFT", InferDft},
    {"GridSample", InferGridSample},
    {"ImageDecoder", InferImageDecoder},
    {"MelWeightMatrix", InferMelWeightMatrix},
    {"NonMaxSuppression", InferNonMaxSuppression},
    {"Resize", InferResize},
    {"STFT", InferStft},
    {"Upsample", InferUpsample},

    // Made from nothing.
    {"Bernoulli", InferRandomLike},
    {"BlackmanWindow", InferWindow},
    {"Constant", InferConstant},
    {"ConstantOfShape", InferConstantOfShape},
    {"EyeLike", InferEyeLike},
    {"HammingWindow", InferWindow},
    {"HannWindow", InferWindow},
    {"Multinomial", InferMultinomial},
    {"RandomNormal", InferRandom},
    {"RandomNormalLike", InferRandomLike},
    {"RandomUniform", InferRandom},
    {"RandomUniformLike", InferRandomLike},
    {"Range", InferRange},

    // Control flow, sequences, optionals.
    {"ConcatFromSequence", InferConcatFromSequence},
    {"If", InferIf},
    {"Loop", InferLoop},
    {"Optional", InferOptional},
    {"OptionalGetElement", InferOptionalGetElement},
    {"OptionalHasElement", InferOptionalHasElement},
    {"Scan", InferScan},
    {"SequenceAt", InferSequenceAt},
    {"SequenceConstruct", InferSequenceConstruct},
    {"SequenceEmpty", InferSequenceEmpty},
    {"SequenceErase", InferSequenceErase},
    {"SequenceInsert", InferSequenceInsert},
    {"SequenceLength", InferSequenceLength},
    {"SequenceMap", InferSequenceMap},
    {"SplitToSequence", InferSplitToSequence},

    // Text.
    {"RegexFullMatch", InferSameShape},
    {"StringConcat", InferStringConcat},
    {"StringNormalizer", InferStringNormalizer},
    {"StringSplit", InferStringSplit},
    {"TfIdfVectorizer", InferTfIdfVectorizer},
};

constexpr Row kMl[] = {
    {"ArrayFeatureExtractor", InferArrayFeatureExtractor},
    {"Binarizer", InferSameType},
    {"CastMap", InferCastMap},
    {"CategoryMapper", InferCategoryMapper},
    {"DictVectorizer", InferDictVectorizer},
    {"FeatureVectorizer", InferFeatureVectorizer},
    {"Imputer", InferSameType},
    {"LabelEncoder", InferLabelEncoder},
    {"LinearClassifier", InferLinearClassifier},
    {"LinearRegressor", InferLinearRegressor},
    {"Normalizer", InferToFloat},
    {"OneHotEncoder", InferOneHotEncoder},
    {"SVMClassifier", InferSvmClassifier},
    {"SVMRegressor", InferSvmRegressor},
    {"Scaler", InferToFloat},
    {"TreeEnsemble", InferTreeEnsemble},
    {"TreeEnsembleClassifier", InferTreeEnsembleClassifier},
    {"TreeEnsembleRegressor", InferTreeEnsembleRegressor},
    {"ZipMap", InferZipMap},
};

constexpr Row kTraining[] = {
    {"Adagrad", InferAdagrad},
    {"Adam", InferAdam},
    {"Gradient", InferGradient},
    {"Momentum", InferMomentum},
};

constexpr Row kPreview[] = {
    {"FlexAttention", InferFlexAttention},
};

constexpr Row kNchwc[] = {
    {"AveragePool", InferPool},
    {"Conv", InferConv},
    {"GlobalAveragePool", InferGlobalPool},
    {"GlobalMaxPool", InferGlobalPool},
    {"MaxPool", InferPool},
    {"ReorderInput", InferReorderInput},
    {"ReorderOutput", InferReorderOutput},
    {"Upsample", InferNchwcUpsample},
};

constexpr Row kContrib[] = {
    {"BertTokenizer", InferBertTokenizer},
    {"CLIPTokenizer", InferBpeTokenizer},
    {"GPT2Tokenizer", InferBpeTokenizer},
    {"HfBertTokenizer", InferHfBertTokenizer},
    {"MaskedFill", InferMaskedFill},
    {"RaggedTensorToSparse", InferSparseRows},
    {"RobertaTokenizer", InferBpeTokenizer},
    {"SegmentExtraction", InferSegmentExtraction},
    {"SegmentSum", InferSegmentSum},
    {"SentencepieceTokenizer", InferSentencepieceTokenizer},
    {"StringConcat", InferSameShape},
    {"StringEqual", InferStringEqual},
    {"StringJoin", InferStringJoin},
    {"StringLength", InferSameShape},
    {"StringLower", InferSameShape},
    {"StringMapping", InferSameShape},
    {"StringRegexReplace", InferSameShape},
    {"StringRegexSplitWithOffsets", InferStringRegexSplit},
    {"StringSplit", InferSparseRows},
    {"StringStrip", InferSameShape},
    {"StringToHashBucket", InferSameShape},
    {"StringToVector", InferStringToVector},
    {"StringUpper", InferSameShape},
    {"VectorToString", InferVectorToString},
    {"WordpieceTokenizer", InferWordpieceTokenizer},
};

constexpr Row kOnnxRuntime[] = {
    {"LayerNormalization", InferLayerNormalization},
    {"SimplifiedLayerNormalization", InferSimplifiedLayerNormalization},
};

// Others of this domain get the element types that their schemas say.
constexpr Row kMicrosoft[] = {
    {"Attention", InferMicrosoftAttention},
    {"AttnLSTM", InferAttnLstm},
    {"BeamSearch", InferBeamSearch},
    {"BiasAdd", InferSameType},
    {"BiasDropout", InferDropout},
    {"BiasGelu", InferSameType},
    {"BiasSoftmax", InferSameType},
    {"BiasSplitGelu", InferBiasSplitGelu},
    {"BifurcationDetector", InferBifurcationDetector},
    {"BranchwiseRMSNorm", InferSameType},
    {"CDist", InferCDist},
    {"ComplexMul", InferBinary},
    {"ComplexMulConj", InferBinary},
    {"CropAndResize", InferCropAndResize},
    {"DecoderMaskedMultiHeadAttention", InferDecoderMaskedAttention},
    {"DequantizeLinear", InferDequantizeLinear},
    {"DynamicQuantizeLSTM", InferDynamicQuantizeLstm},
    {"DynamicQuantizeMatMul", InferMatMul},
    {"EmbedLayerNormalization", InferEmbedLayerNormalization},
    {"ExpandDims", InferExpandDims},
    {"FastGelu", InferSameType},
    {"FusedConv", InferConv},
    {"FusedGemm", InferFusedGemm},
    {"FusedMatMul", InferFusedMatMul},
    {"FusedMatMulActivation", InferFusedMatMul},
    {"GatedAdd", InferSameType},
    {"GatedDeltaNet", InferGatedDeltaNet},
    {"GatedRMSNorm", InferSameType},
    {"GatherBlockQuantized", InferGatherBlockQuantized},
    {"GatherND", InferGatherND},
    {"Gelu", InferSameType},
    {"GemmFastGelu", InferMatMul},
    {"GreedySearch", InferGreedySearch},
    {"GridSample", InferGridSample},
    {"GroupNorm", InferSameType},
    {"GroupQueryAttention", InferGroupQueryAttention},
    {"Inverse", InferSameType},
    {"LinearAttention", InferSameType},
    {"MatMulBnb4", InferMatMulNBits},
    {"MatMulFpQ4", InferMatMulFpQ4},
    {"MatMulInteger16", InferMatMulInteger},
    {"MatMulIntegerToFloat", InferMatMulIntegerToFloat},
    {"MatMulNBits", InferMatMulNBits},
    {"MaxpoolWithMask", InferPool},
    {"MoE", InferSameType},
    {"MulInteger", InferMulInteger},
    {"MultiHeadAttention", InferMultiHeadAttention},
    {"MurmurHash3", InferMurmurHash3},
    {"NGramHashMapping", InferNGramHashMapping},
    {"NGramRepeatBlock", InferNGramRepeatBlock},
    {"NhwcConv", InferNhwcConv},
    {"NhwcFusedConv", InferNhwcConv},
    {"NhwcMaxPool", InferNhwcMaxPool},
    {"Pad", InferPad},
    {"QAttention", InferMicrosoftAttention},
    {"QEmbedLayerNormalization", InferEmbedLayerNormalization},
    {"QGemm", InferQGemm},
    {"QLinearAdd", InferQLinearBinary},
    {"QLinearAveragePool", InferPool},
    {"QLinearConcat", InferQLinearConcat},
    {"QLinearConv", InferQLinearConv},
    {"QLinearGlobalAveragePool", InferGlobalPool},
    {"QLinearLeakyRelu", InferSameType},
    {"QLinearMul", InferQLinearBinary},
    {"QLinearReduceMean", InferReduce},
    {"QLinearSigmoid", InferSameType},
    {"QLinearSoftmax", InferSameType},
    {"QLinearWhere", InferQLinearWhere},
    {"QMoE", InferSameType},
    {"QOrderedGelu", InferSameType},
    {"QOrderedLayerNormalization", InferSameType},
    {"QuantizeLinear", InferQuantizeLinear},
    {"QuickGelu", InferSameType},
    {"Range", InferRange},
    {"ReduceSumInteger", InferReduce},
    {"RelativePositionBias", InferRelativePositionBias},
    {"RotaryEmbedding", InferSameType},
    {"Sampling", InferGreedySearch},
    {"ScaledSiLU", InferSameType},
    {"SkipGroupNorm", InferSkipGroupNorm},
    {"SkipLayerNormalization", InferSkipLayerNormalization},
    {"SkipSimplifiedLayerNormalization", InferSkipLayerNormalization},
    {"Tokenizer", InferTokenizer},
    {"TransposeMatMul", InferFusedMatMul},
    {"Trilu", InferTrilu},
    {"Unique", InferMicrosoftUnique},
    {"VarlenCausalConvWithState", InferVarlenCausalConv},
    {"VarlenNGramHashMapping", InferNGramHashMapping},
};

constexpr Row kOwn[] = {
    {"Elementwise", InferElementwise},
    {"Linear", InferLinear},
    {"PointwiseDepthwiseConv", InferPointwiseDepthwiseConv},
};

using Index = std::unordered_map<std::string_view, Status (*)(InferenceContext&)>;

Index MakeIndex(std::span<const Row> rows) {
  Index index;
  for (const Row& row : rows) index.emplace(row.op_type, row.function);
  return index;
}

const Index* FindIndex(std::string_view domain) {
  static const auto* const kIndices = new std::unordered_map<std::string_view, Index>{
      {"", MakeIndex(kOnnx)},
      {"ai.onnx.ml", MakeIndex(kMl)},
      {"ai.onnx.preview.training", MakeIndex(kTraining)},
      {"ai.onnx.preview", MakeIndex(kPreview)},
      {"com.microsoft", MakeIndex(kMicrosoft)},
      {"com.microsoft.nchwc", MakeIndex(kNchwc)},
      {"ai.onnx.contrib", MakeIndex(kContrib)},
      {"onnxruntime", MakeIndex(kOnnxRuntime)},
      {"sardonyx", MakeIndex(kOwn)},
  };
  const auto found = kIndices->find(ir::NormalDomain(domain));
  return found == kIndices->end() ? nullptr : &found->second;
}

}  // namespace
}  // namespace infer

InferenceFunction FindInference(const OpSchema& schema) {
  const infer::Index* index = infer::FindIndex(schema.domain);
  if (index != nullptr)
    if (const auto found = index->find(schema.name); found != index->end()) return found->second;
  return FindCustomInference(schema);
}

}  // namespace sardonyx::ops
